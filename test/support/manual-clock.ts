import type { Clock } from "../../src/domain/ports/clock.ts";

interface Timer {
  readonly at: number;
  readonly task: () => void;
}

/** A clock that stands still until a test moves it. Timers run in order while it is moved. */
export class ManualClock implements Clock {
  #now = 0;
  #wallOffset = 1_700_000_000_000;
  readonly #timers = new Set<Timer>();

  wall(): number {
    return this.#now + this.#wallOffset;
  }

  monotonic(): number {
    return this.#now;
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.#now + ms, task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Move both clocks on by `ms`, running what falls due and letting promises settle after each timer. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let due = this.#next(end); due; due = this.#next(end)) {
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.task();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  /** Let the wall clock jump, as NTP or an operator would. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms;
  }

  /** Stand for a process that was paused: time passes, no timer runs until the next `advance`. */
  pause(ms: number): void {
    this.#now += ms;
  }

  #next(end: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer;
    return first;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}
