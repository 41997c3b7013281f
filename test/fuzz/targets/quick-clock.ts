import type { Clock } from "../../../src/domain/ports/clock.ts";
import { turns } from "./fake-socket.ts";

/** A clock that stands still until it is moved, and forgets quickly. */
export class QuickClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly task: () => void }>();

  wall(): number {
    return this.#now + 1_700_000_000_000;
  }

  monotonic(): number {
    return this.#now;
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  after(ms: number, task: () => void): () => void {
    const timer = { at: this.#now + ms, task };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Run what falls due within `ms`, in order. Promises settle when the caller waits. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      let due: { readonly at: number; readonly task: () => void } | undefined;
      for (const timer of this.#timers) if (timer.at <= end && (!due || timer.at < due.at)) due = timer;
      if (!due) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.task();
    }
    this.#now = end;
  }

  /** The same in steps, letting promises settle after each. */
  async pass(ms: number, step: number): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.advance(Math.min(step, left));
      await turns(2);
    }
  }
}
