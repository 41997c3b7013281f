import { ramp } from "./ramp.ts";

/** How many players there are. */
export interface FanoutLoad {
  /** Of this stream. */
  readonly own: number;
  /** Of all streams of the origin. */
  readonly all: number;
}

/** A stream with up to this many players sends every message at once … */
const OWN_FEW = 20;
/** … and collects for the whole window from here on. */
const OWN_MANY = 200;
/** The same for all streams together: 2,000 streams with one player each cost as much as one with 2,000. */
const ALL_FEW = 200;
const ALL_MANY = 2_000;

/**
 * How long messages are collected into one write, in ms.
 *
 * A write costs some 10 µs per player whatever its size, and a stream has some 70 messages a second: the cost is
 * writes x players. So the window grows with the players, in a straight line from 0 at 20 players of a stream to
 * `maxWindow` at 200, or from 0 at 200 players of the origin to `maxWindow` at 2,000, whichever gives more. The
 * delay that it adds is half of it on average. Below 1 ms it is 0: timers are no finer.
 */
export function fanoutWindow(load: FanoutLoad, maxWindow: number): number {
  const share = Math.max(ramp(load.own, OWN_FEW, OWN_MANY), ramp(load.all, ALL_FEW, ALL_MANY));
  const window = share * maxWindow;
  return window < 1 ? 0 : window;
}
