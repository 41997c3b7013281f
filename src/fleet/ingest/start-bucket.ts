import type { Clock } from "../../domain/ports/clock.ts";
import { sleep } from "../patience.ts";

const SECOND_MS = 1_000;

/** Lets so many pulls begin within any second: a thousand orphans must not stampede. First come, first served. */
export class StartBucket {
  readonly #clock: Clock;
  readonly #perSecond: number;
  /** When the last pulls began, monotonic ms, oldest first. */
  #begun: number[] = [];
  #queue: Promise<void> = Promise.resolve();

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Resolves when a pull may begin. Who has been aborted meanwhile uses nothing up; the caller asks the signal. */
  take(signal: AbortSignal): Promise<void> {
    const turn = this.#queue.then(() => this.#wait(signal));
    this.#queue = turn;
    return turn;
  }

  async #wait(signal: AbortSignal): Promise<void> {
    for (;;) {
      if (signal.aborted) return;
      const now = this.#clock.monotonic();
      this.#begun = this.#begun.filter((at) => now - at < SECOND_MS);
      const oldest = this.#begun[this.#begun.length - this.#perSecond];
      if (oldest === undefined) return void this.#begun.push(now);
      await sleep(this.#clock, oldest + SECOND_MS - now, signal);
    }
  }
}
