import type { Clock } from "../domain/ports/clock.ts";

/** One thing that is done later, unless it is called off. */
export class Later {
  readonly #clock: Clock;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does nothing while something is to be done already. */
  arm(ms: number, task: () => void): void {
    this.#cancel ??= this.#clock.after(ms, () => {
      this.#cancel = undefined;
      task();
    });
  }

  cancel(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
