import type { Logger } from "pino";
import type { Clock } from "../../domain/ports/clock.ts";

export interface RoundsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Pause between two rounds, in ms. */
  readonly every: number;
  /** `idle`: there was nothing to do, and the next one may come half as soon. */
  readonly round: () => Promise<"busy" | "idle">;
  /** Call `wake` when there is news. The returned function ends it. */
  readonly listen: (wake: () => void) => Promise<() => void>;
}

/** So many rounds within a window of so many ms: news may come in floods. */
const MOST_ROUNDS = 10;
const WINDOW_MS = 500;

/** Does something again and again, one round at a time: after a pause, or at once when there is news. */
export class Rounds {
  readonly #options: RoundsOptions;
  #state: "resting" | "busy" | "again" | "stopped" = "stopped";
  /** When the last rounds began, monotonic ms. */
  #begun: readonly number[] = [];
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
    if (this.#state !== "resting") return;
    const { clock } = this.#options;
    this.#cancel();
    const first = this.#begun[MOST_ROUNDS - 1] ?? -Infinity;
    const pause = first + WINDOW_MS - clock.monotonic();
    if (pause <= 0) void this.#run();
    else this.#cancel = clock.after(pause, () => void this.#run());
  }

  async #run(): Promise<void> {
    const { clock, log, every, round } = this.#options;
    this.#cancel();
    this.#state = "busy";
    this.#begun = [clock.monotonic(), ...this.#begun.slice(0, MOST_ROUNDS - 1)];
    let pause = every;
    try {
      if ((await round()) === "idle") pause = 2 * every;
    } catch (error) {
      // The registry is away: what is held is kept as long as it may be, and the next round looks again.
      log.debug({ err: error }, "ingests not looked after");
    }
    if (this.#is("stopped")) return;
    const again = this.#is("again");
    this.#state = "resting";
    if (again) this.wake();
    else this.#cancel = clock.after(pause, () => void this.#run());
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
