import type { Logger } from "pino";
import type { Clock } from "../../domain/ports/clock.ts";

export interface RoundsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Pause between two rounds, in ms. */
  readonly every: number;
  readonly round: () => Promise<void>;
  /** Call `wake` when there is news. The returned function ends it. */
  readonly listen: (wake: () => void) => Promise<() => void>;
}

/** Does something again and again, one round at a time: after a pause, or at once when there is news. */
export class Rounds {
  readonly #options: RoundsOptions;
  #state: "resting" | "busy" | "again" | "stopped" = "stopped";
  #cancel = () => {};
  #unlisten: (() => void) | undefined;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#state = "resting";
    void this.#run();
    void this.#listen();
  }

  stop(): void {
    this.#state = "stopped";
    this.#cancel();
    this.#unlisten?.();
  }

  /** There is news. */
  wake(): void {
    if (this.#state === "busy") this.#state = "again";
    if (this.#state === "resting") void this.#run();
  }

  async #run(): Promise<void> {
    this.#cancel();
    do {
      this.#state = "busy";
      try {
        await this.#options.round();
      } catch (error) {
        // The registry is away: what is held is kept as long as it may be, and the next round looks again.
        this.#options.log.debug({ err: error }, "ingests not looked after");
      }
    } while (this.#is("again"));
    if (this.#is("stopped")) return;
    this.#state = "resting";
    this.#cancel = this.#options.clock.after(this.#options.every, () => void this.#run());
  }

  async #listen(): Promise<void> {
    const unlisten = await this.#options.listen(() => this.wake()).catch(() => undefined);
    if (this.#is("stopped")) unlisten?.();
    else this.#unlisten = unlisten;
  }

  /** A function, since the compiler does not see that the state changes across an await. */
  #is(state: "again" | "stopped"): boolean {
    return this.#state === state;
  }
}
