export type Track = "audio" | "video" | "data";

/** ms that a track may step back before its clock counts as set back. Less is held at the last timestamp. */
const STEP_BACK = 1_000;
/** ms that a packet may lead its track beyond the time that has passed, before its clock counts as set forward. */
const STEP_FORWARD = 10_000;
/** A track silent for longer is compared with the others instead. */
const SILENT = 5_000;
/** An offset that no packet used for so long is forgotten. */
const OFFSET_LIFE = 2_000;
/** Longest gap between two sources that players see. Nobody who had to wait longer wants to wait as long again. */
const MOST_GAP = 1_000;
/** Longest ms from decoding a picture to showing it that are believed: 16 B-frames at 10 a second, and some. */
const DEEPEST = 2_000;
/** A longer step between two frames of a track is a gap, not how long a frame is shown. */
const LONGEST_FRAME = 100;

interface Offset {
  /** Added to the source's timestamp, modulo 2^32. */
  readonly value: number;
  /** Channel time of the last packet that used it. */
  usedAt: number;
}

/** The frame that a source, or a new clock of it, begins with. */
export interface FirstFrame {
  readonly track: "audio" | "video";
  /** When it is shown or heard, on the source's clock: its timestamp and its composition time. */
  readonly presented: number;
}

/** How far a track was presented, in channel time. */
interface Presented {
  end: number;
  /** ms that its newest frame is taken to last. */
  duration: number;
}

/**
 * The time of a channel, in ms: what its players see, whatever its sources do.
 *
 * Grows by the same offset for audio and video, over swaps of sources, over the wrap of a source's clock at 2^32, and
 * over jumps inside one source. Never goes back within a track; across tracks only as far as the source itself
 * interleaves them. The first source begins at 0. After a swap or a jump the channel goes on where it would be by
 * then: the last timestamp plus the time that has passed, 1 ms at least and a second at most. So a player plays
 * through a short gap with what it has; after a longer one it goes on when media does, and does not wait for the gap
 * once more (decision 19).
 *
 * Nor does what is shown go back: where pictures are decoded earlier than they are shown (B-frames), the last of them
 * have not been by then, and the first of the next source waits for them. A later swap makes good for the wait.
 *
 * Two offsets are kept: while audio and video jump one after the other, and for sources whose tracks have clocks of
 * their own, each packet takes the offset that brings it nearest to its track.
 *
 * Pure: the time that passes is an argument, in ms on a monotonic clock.
 */
export class Timeline {
  #offsets: Offset[] = [];
  /** Greatest channel time given; below 0 before the first packet. */
  #last = -1;
  #lastAt = 0;
  readonly #tracks: Record<Track, number> = { audio: 0, video: 0, data: 0 };
  readonly #presented: Readonly<Record<"audio" | "video", Presented>> = {
    audio: { end: 0, duration: 0 },
    video: { end: 0, duration: 0 },
  };
  /** ms that the channel is ahead of where the time that has passed would have it. */
  #ahead = 0;

  /** Greatest timestamp given to a frame, not wrapped; -1 before the first. */
  get last(): number {
    return this.#last;
  }

  /** A new source begins: its timestamp `first` comes next. `frame`: what it shows first; later than `first` or not. */
  enter(first: number, now: number, frame?: FirstFrame): void {
    this.#offsets = [this.#offsetFor(first, now, frame)];
  }

  /** Channel time of a frame, not wrapped: put `>>> 0` of it on the wire. */
  map(track: "audio" | "video", timestamp: number, now: number, compositionTime = 0): number {
    const reference = this.#reference(track);
    const latest = Math.max(reference, this.#last) + STEP_FORWARD + Math.max(0, now - this.#lastAt);
    let best: Offset | undefined;
    let time = 0;
    for (const offset of this.#offsets) {
      const candidate = this.#apply(offset, timestamp);
      if (candidate < reference - STEP_BACK || candidate > latest) continue;
      if (best && Math.abs(candidate - reference) >= Math.abs(time - reference)) continue;
      best = offset;
      time = candidate;
    }
    if (!best) {
      best = this.#offsetFor(timestamp, now, { track, presented: timestamp + compositionTime });
      time = this.#apply(best, timestamp);
      this.#offsets = [best, ...this.#offsets.slice(0, 1)];
    }
    time = Math.max(time, this.#tracks[track]);
    this.#present(track, time, compositionTime);
    this.#tracks[track] = time;
    if (time > this.#last) {
      this.#last = time;
      this.#lastAt = now;
    }
    best.usedAt = this.#last;
    if (this.#offsets.length > 1)
      this.#offsets = this.#offsets.filter(({ usedAt }) => usedAt >= this.#last - OFFSET_LIFE);
    return time;
  }

  /** Channel time of a track's header: encoders stamp them with 0, so it goes with the frame before it. */
  mapHeader(track: "audio" | "video"): number {
    return Math.max(0, this.#reference(track));
  }

  /** Channel time of data: its own where that is credible, from the last data up to the frames, else the present. */
  mapData(timestamp: number): number {
    const offset = this.#offsets[0];
    const present = Math.max(0, this.#last);
    const time = offset ? this.#apply(offset, timestamp) : present;
    this.#tracks.data = time >= this.#tracks.data && time <= present ? time : present;
    return this.#tracks.data;
  }

  #offsetFor(timestamp: number, now: number, frame?: FirstFrame): Offset {
    const next = this.#last < 0 ? 0 : this.#next(now, frame ? this.#waitFor(timestamp, frame) : 0);
    return { value: (next - timestamp) >>> 0, usedAt: next };
  }

  /** Where the channel goes on: as far as time has, but not before `earliest`. */
  #next(now: number, earliest: number): number {
    const passed = Math.max(1, Math.min(MOST_GAP, Math.round(now - this.#lastAt)));
    const due = this.#last + passed - this.#ahead;
    const next = Math.max(this.#last + 1, due, Math.min(earliest, this.#last + DEEPEST));
    this.#ahead = next - due;
    return next;
  }

  /** Earliest channel time of `first` at which this frame follows what its track has shown. */
  #waitFor(first: number, { track, presented }: FirstFrame): number {
    return this.#presented[track].end - clamp((presented - first) | 0);
  }

  #present(track: "audio" | "video", time: number, compositionTime: number): void {
    const presented = this.#presented[track];
    const step = time - this.#tracks[track];
    if (step > 0 && step <= LONGEST_FRAME) presented.duration = step;
    presented.end = Math.max(presented.end, time + clamp(compositionTime) + presented.duration);
  }

  /** Of all times that are this one modulo 2^32, the nearest to the channel's present. */
  #apply(offset: Offset, timestamp: number): number {
    const wrapped = (timestamp + offset.value) >>> 0;
    const near = Math.max(this.#last, 0);
    return near + ((wrapped - near) | 0);
  }

  #reference(track: Track): number {
    const own = this.#tracks[track];
    return this.#last - own > SILENT ? this.#last : own;
  }
}

function clamp(ms: number): number {
  return Math.max(-DEEPEST, Math.min(DEEPEST, ms));
}
