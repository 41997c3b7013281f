/** Most nonces remembered: more tickets than any origin sees within their life. */
const MAX_NONCES = 65_536;

/** Remembers what has been used, until it expires anyway. */
export class ReplayGuard {
  /** Nonce and when it expires, in the order of arrival. */
  readonly #used = new Map<string, number>();

  /** False when this nonce was used before, or when there is no room to remember it. */
  use(nonce: string, expires: number, now: number): boolean {
    this.#sweep(now);
    if (this.#used.has(nonce)) return false;
    if (this.#used.size >= MAX_NONCES) return false;
    this.#used.set(nonce, expires);
    return true;
  }

  #sweep(now: number): void {
    // About the order of expiry, too: all tickets live equally long.
    for (const [nonce, expires] of this.#used) {
      if (expires > now) return;
      this.#used.delete(nonce);
    }
  }
}
