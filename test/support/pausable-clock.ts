import type { Clock } from "../../src/domain/ports/clock.ts";

/** The clock of one process among several: it can be stopped, as by SIGSTOP, while the time of all goes on. */
export class PausableClock implements Clock {
  readonly #clock: Clock;
  readonly #due = new Set<() => void>();
  #paused = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wall(): number {
    return this.#clock.wall();
  }
  monotonic(): number {
    return this.#clock.monotonic();
  }

  after(ms: number, task: () => void): () => void {
    const run = () => {
      if (this.#paused) this.#due.add(task);
      else task();
    };
    const cancel = this.#clock.after(ms, run);
    return () => {
      cancel();
      this.#due.delete(task);
    };
  }

  get paused(): boolean {
    return this.#paused;
  }

  pause(): void {
    this.#paused = true;
  }

  /** What fell due meanwhile runs now, in order. */
  resume(): void {
    this.#paused = false;
    const due = [...this.#due];
    this.#due.clear();
    for (const task of due) task();
  }
}
