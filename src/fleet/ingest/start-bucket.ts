import type { Clock } from "../../domain/ports/clock.ts";

const SECOND_MS = 1_000;

/** `first`: what nobody pulls may begin. `again`: what has just failed is tried once more. */
export type StartUrgency = "first" | "again";

interface Waiter {
  readonly begin: () => void;
}

/**
 * Lets so many pulls begin within any second: a thousand orphans must not stampede. First come, first served, and what
 * failed a moment ago behind all that did not: hundreds of broken sources must not hold up those of a dead origin.
 */
export class StartBucket {
  readonly #clock: Clock;
  readonly #perSecond: number;
  /** When the last pulls began, monotonic ms, oldest first. */
  #begun: number[] = [];
  readonly #waiting: Readonly<Record<StartUrgency, Set<Waiter>>> = { first: new Set(), again: new Set() };
  #timed = false;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
  }

  /** Resolves when a pull may begin. Who is aborted meanwhile uses nothing up; the caller asks the signal. */
  take(signal: AbortSignal, urgency: StartUrgency = "first"): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const queue = this.#waiting[urgency];
      const leave = () => {
        queue.delete(waiter);
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const waiter: Waiter = { begin: leave };
      queue.add(waiter);
      signal.addEventListener("abort", leave, { once: true });
      if (!this.#timed) this.#serve();
    });
  }

  #serve(): void {
    this.#timed = false;
    const now = this.#clock.monotonic();
    this.#begun = this.#begun.filter((at) => now - at < SECOND_MS);
    for (const queue of [this.#waiting.first, this.#waiting.again])
      for (const waiter of queue) {
        const oldest = this.#begun[this.#begun.length - this.#perSecond];
        if (oldest !== undefined) return this.#later(oldest + SECOND_MS - now);
        this.#begun.push(now);
        waiter.begin();
      }
  }

  #later(ms: number): void {
    this.#timed = true;
    this.#clock.after(ms, () => this.#serve());
  }
}
