import type { Clock } from "../domain/ports/clock.ts";

/**
 * What time it is for Redis, so that a grant can say after which moment nobody waits for it any more.
 *
 * Counts on our monotonic clock from the last answer that carried Redis time. The error is at most the round trip of
 * that answer, and always makes us guess too late rather than too early.
 */
export class RedisTime {
  readonly #clock: Clock;
  #sample: { readonly redisMs: number; readonly monotonicMs: number } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Begin a request; call the returned function with the Redis time of its answer, in ms since 1970. */
  ask(): (redisMs: number) => void {
    const monotonicMs = this.#clock.monotonic();
    return (redisMs) => {
      this.#sample = { redisMs, monotonicMs };
    };
  }

  /** ms since 1970 by Redis; `undefined` before the first sample. */
  now(): number | undefined {
    return this.#sample && this.#sample.redisMs + (this.#clock.monotonic() - this.#sample.monotonicMs);
  }
}
