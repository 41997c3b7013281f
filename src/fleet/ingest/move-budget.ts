import { LEAST_MOVES, MOVES_SHARE } from "../../domain/placement/input.ts";

/** How many ingests may move for nothing but evenness: so many a second, however often there is a plan. */
export class MoveBudget {
  #left = 0;
  #at: number | undefined;

  /** @param now monotonic, ms; @param ingests how many the fleet has */
  allowed(now: number, ingests: number): number {
    const rate = Math.max(LEAST_MOVES, Math.floor(ingests * MOVES_SHARE));
    const passed = this.#at === undefined ? 1 : (now - this.#at) / 1_000;
    this.#at = now;
    this.#left = Math.min(rate, this.#left + rate * passed);
    return Math.floor(this.#left + 1e-6);
  }

  spend(moves: number): void {
    this.#left -= moves;
  }
}
