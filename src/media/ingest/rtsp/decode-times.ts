/** A frame that waits for its decoding time. */
export interface TimedFrame {
  /** Presentation time in ms. */
  readonly pts: number;
}

/** [H.264 §A.3.1, H.265 §A.4.2: no decoder keeps more pictures] */
const MOST_DEPTH = 16;
/** Frames, and ms between the first and the last of them, after which their order tells how deep they are reordered. */
const PROBE_FRAMES = 8;
const PROBE_MS = 400;
const USUAL_STEP = 33;
const MOST_STEP = 200;

/**
 * Finds decoding times, which RTP does not carry: it gives presentation times in the order of decoding.
 *
 * When pictures are reordered by `depth`, then by the time the n-th is decoded, all but `depth` of those before it have
 * been shown: so its decoding time is the smallest presentation time of the last ones that has not been used. Times
 * found so never exceed the presentation times, grow, and wait for no later frame.
 *
 * A source that does not tell its depth is watched for a few frames first. Should frames later come in an order that
 * was not expected, the depth grows, and a few composition times are negative.
 */
export class DecodeTimes<Frame extends TimedFrame> {
  readonly #emit: (frame: Frame, dts: number) => void;
  #depth: number | undefined = 0;
  /** Presentation times not used yet, ascending. */
  #times: number[] = [];
  /** Frames before a time is left over for them. */
  #early = 0;
  #held: Frame[] = [];
  #step = USUAL_STEP;
  #last = Number.NEGATIVE_INFINITY;

  constructor(emit: (frame: Frame, dts: number) => void) {
    this.#emit = emit;
  }

  /** Begin anew: other parameter sets, a gap, another clock. `undefined` when the depth is not known. */
  restart(depth: number | undefined): void {
    this.flush();
    this.#times = [];
    this.#early = 0;
    this.#depth = depth;
  }

  push(frame: Frame): void {
    if (this.#depth !== undefined) {
      this.#time(frame, this.#depth);
      return;
    }
    this.#held.push(frame);
    const span = frame.pts - (this.#held[0] as Frame).pts;
    if (this.#held.length >= PROBE_FRAMES || span >= PROBE_MS) this.flush();
  }

  /** Let go of what is held while the depth is not known. */
  flush(): void {
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    const depth = depthOf(held);
    this.#depth = depth;
    const sorted = held.map(({ pts }) => pts).toSorted((a, b) => a - b);
    if (sorted.length > 1) this.#learnStep((sorted[1] as number) - (sorted[0] as number));
    for (const frame of held) this.#time(frame, this.#depth);
  }

  #time(frame: Frame, depth: number): void {
    const { pts } = frame;
    insert(this.#times, pts);
    const dts = Math.max(this.#candidate(depth), this.#last + 1);
    if (dts > pts && depth < MOST_DEPTH && pts < this.#last) this.#depth = depth + 1;
    this.#last = dts;
    this.#emit(frame, dts);
  }

  #candidate(depth: number): number {
    const first = this.#times[0] as number;
    if (this.#times.length <= depth) return first - (depth - this.#early++) * this.#step;
    this.#times.shift();
    if (this.#times.length > 0) this.#learnStep((this.#times[0] as number) - first);
    return first;
  }

  #learnStep(step: number): void {
    if (step > 0 && step <= MOST_STEP) this.#step = step;
  }
}

/** The most frames that come before one that is shown earlier. */
function depthOf(frames: readonly TimedFrame[]): number {
  const depths = frames.map(
    ({ pts }, index) => frames.slice(0, index).filter((before) => before.pts > pts).length,
  );
  return Math.min(MOST_DEPTH, Math.max(0, ...depths));
}

function insert(times: number[], time: number): void {
  let at = times.length;
  while (at > 0 && (times[at - 1] as number) > time) at--;
  times.splice(at, 0, time);
}
