import type { Clock } from "../domain/ports/clock.ts";

/**
 * The registry's time, which all origins share: what tickets expire by.
 *
 * Carried on by the monotonic clock, so that a jump of our wall clock does not matter. Off by the time of the
 * answer's way at most.
 */
export class RegistryTime {
  readonly #clock: Clock;
  #offset: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param timeMs what an answer said; @param sentAt monotonic time when it was asked */
  set(timeMs: number, sentAt: number): void {
    this.#offset = timeMs - (sentAt + this.#clock.monotonic()) / 2;
  }

  /** ms since 1970. The machine's own time until the registry has told its time. */
  now(): number {
    return this.#offset === undefined ? this.#clock.wall() : this.#clock.monotonic() + this.#offset;
  }
}
