/** So many a second, with a second's worth at once after a rest. */
export class RateLimit {
  readonly #perSecond: number;
  /** ms, monotonic. */
  readonly #now: () => number;
  #credit: number;
  #at: number;

  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond;
    this.#now = now;
    this.#credit = perSecond;
    this.#at = now();
  }

  /** ms, monotonic, of the last `spend`. */
  get usedAt(): number {
    return this.#at;
  }

  /** Take one; false when none is left. */
  spend(): boolean {
    const now = this.#now();
    this.#credit = Math.min(this.#perSecond, this.#credit + ((now - this.#at) / 1_000) * this.#perSecond);
    this.#at = now;
    if (this.#credit < 1) return false;
    this.#credit -= 1;
    return true;
  }
}
