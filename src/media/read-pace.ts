import type { Clock } from "../domain/ports/clock.ts";
import { ramp } from "./ramp.ts";

/** Up to this many sources of an origin are read as soon as they send … */
const FEW = 20;
/** … and collect for the whole window from here on. */
const MANY = 200;
/** Who is due within the same so many ms is read in one round: one timer, one wake-up. */
const GRAIN = 10;
/** Who sends more in a window is read on at once, or gets a shorter one: the kernel's buffer must not fill up. */
const MOST_BYTES = 32_768;

/**
 * How often one origin reads what its sources send: encoders, other origins, pulls.
 *
 * An encoder sends some 70 messages a second one by one, and a read costs the kernel and Node more than
 * us, whatever it brings: the cost is reads x sources. So the sources wait longer the more there are of them,
 * in a straight line from 0 at 20 to `maxWindow` at 200. SRS calls the same a merged read.
 */
export class ReadPace {
  readonly #clock: Clock;
  readonly #maxWindow: number;
  /** Whom to ask next, by the number of the grain in which they are due. */
  readonly #rounds = new Map<number, Set<() => void>>();
  #sources = 0;

  /** @param maxWindow  ms; 0 reads all at once, however many there are */
  constructor(clock: Clock, maxWindow: number) {
    this.#clock = clock;
    this.#maxWindow = maxWindow;
  }

  /** The present window of a source that sends little, in ms; 0: all are read at once. */
  get window(): number {
    const window = ramp(this.#sources, FEW, MANY) * this.#maxWindow;
    return window < GRAIN ? 0 : window;
  }

  /** Monotonic ms. */
  get now(): number {
    return this.#clock.monotonic();
  }

  /** How long, in ms, to leave a source alone that sent so many bytes within so many ms. */
  pauseAfter(bytes: number, ms: number): number {
    if (bytes > MOST_BYTES) return 0;
    const pause = Math.min(this.window, (ms * MOST_BYTES) / bytes);
    return pause < GRAIN ? 0 : pause;
  }

  /** Call `ask` when the pause is over. The returned function cancels it. */
  after(pause: number, ask: () => void): () => void {
    const { now } = this;
    const due = Math.round((now + pause) / GRAIN);
    let round = this.#rounds.get(due);
    if (!round) {
      round = new Set();
      this.#rounds.set(due, round);
      this.#clock.after(due * GRAIN - now, () => this.#turn(due));
    }
    round.add(ask);
    return () => void round.delete(ask);
  }

  enter(): void {
    this.#sources += 1;
  }

  leave(): void {
    this.#sources -= 1;
  }

  #turn(due: number): void {
    const round = this.#rounds.get(due);
    this.#rounds.delete(due);
    for (const ask of round ?? []) ask();
  }
}
