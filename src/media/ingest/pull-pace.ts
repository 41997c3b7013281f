import type { MediaPacket } from "../../domain/ports/channel.ts";

/** Media may be ahead of the clock by so much. */
const MOST_AHEAD_MS = 2_000;
/** More than this between two packets is no time that passes: a jump, or a slide show. It counts as so much. */
const LONGEST_STEP_MS = 1_000;
/** Quartz is wrong by less: a source whose clock is a little fast is never held up. */
const FASTEST = 1.000_2;

interface Track {
  last: number;
  /** Media time since `since`. */
  elapsed: number;
  /** ms, monotonic. */
  since: number;
}

/**
 * Tells how long to stop reading, so that what comes faster than it plays is taken at the speed at which it plays.
 *
 * Time that a source lost is not made up for: after a pause it may be ahead of its new time by two seconds again, and
 * no more. Picture and sound are counted apart, so that they may have different clocks.
 */
export class PullPace {
  readonly #now: () => number;
  readonly #tracks = new Map<MediaPacket["type"], Track>();

  /** @param now  ms, monotonic */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** A packet has come. */
  note({ type, timestamp }: MediaPacket): void {
    if (type === "data") return;
    const now = this.#now();
    const track = this.#tracks.get(type);
    if (!track) {
      this.#tracks.set(type, { last: timestamp, elapsed: 0, since: now });
      return;
    }
    // Timestamps are 32 bits long, and wrap.
    const step = (timestamp - track.last) | 0;
    track.last = timestamp;
    if (step > -LONGEST_STEP_MS) track.elapsed += Math.min(step, LONGEST_STEP_MS);
    if (ahead(track, now) < 0) {
      track.elapsed = 0;
      track.since = now;
    }
  }

  /** ms to wait before more is read. */
  wait(): number {
    const now = this.#now();
    const most = Math.max(0, ...[...this.#tracks.values()].map((track) => ahead(track, now)));
    return Math.max(0, Math.ceil(most - MOST_AHEAD_MS));
  }
}

function ahead({ elapsed, since }: Track, now: number): number {
  return elapsed - (now - since) * FASTEST;
}
