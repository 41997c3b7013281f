import type { FlvTag } from "./flv-file.ts";
import type { MediaUnit } from "./media-units.ts";
import { unitOf, unitsOf } from "./media-units.ts";
import { waitFor } from "./wait.ts";

export interface FeedOptions {
  /** Media seconds per second. */
  readonly rate?: number;
  /** Media at once in the beginning, in ms: encoders' probing and players' patience both like a start. */
  readonly headStartMs?: number;
  /** What the publisher's clock says at the beginning, in ms. It wraps at 2^32. */
  readonly clock?: number;
}

/**
 * Hands the tags of a prepared file over at the pace of their timestamps, until it is told to finish.
 *
 * So a stream lasts as long as its players need to join, not for a time that somebody guessed.
 */
export class MediaFeed {
  readonly #tags: readonly FlvTag[];
  readonly #deliver: (tag: FlvTag) => void;
  readonly #rate: number;
  readonly #headStartMs: number;
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;
  readonly #hasVideo: boolean;
  readonly #clock: number;
  #next = 0;
  #finishAt = Infinity;
  #over = false;

  constructor(tags: readonly FlvTag[], deliver: (tag: FlvTag) => void, options: FeedOptions = {}) {
    this.#tags = tags;
    this.#deliver = deliver;
    this.#rate = options.rate ?? 1;
    this.#headStartMs = options.headStartMs ?? 500;
    this.#clock = options.clock ?? 0;
    this.#hasVideo = tags.some(({ type }) => type === 9);
    this.#timer = setInterval(() => this.#tick(), 10);
  }

  /** Media handed over so far, in ms. */
  get position(): number {
    return this.#tags[this.#next - 1]?.timestamp ?? 0;
  }

  /** The frames handed over so far; their times count from the beginning. */
  get sent(): MediaUnit[] {
    return unitsOf(this.#tags.slice(0, this.#next));
  }

  /** True when nothing more will come. */
  get over(): boolean {
    return this.#over;
  }

  /** Hand over at least `ms` more of media, up to the next keyframe, and stop. */
  async finish(ms: number): Promise<void> {
    this.#finishAt = this.position + ms;
    await waitFor(() => this.#over, { within: 60_000, what: "the end of the feed" });
  }

  /** Stop in the middle of a group, not right behind its keyframe. */
  breakOff(): void {
    const isKey = (tag: FlvTag | undefined) => tag?.type === 9 && unitOf(tag)?.key === true;
    const lastPicture = () => this.#tags.slice(0, this.#next).findLast(({ type }) => type === 9);
    while (!this.#over && isKey(lastPicture()) && this.#next < this.#tags.length) this.#handOver();
    this.stop();
  }

  /** Stop now, wherever it is. */
  stop(): void {
    this.#over = true;
    clearInterval(this.#timer);
  }

  #tick(): void {
    const due = (performance.now() - this.#began) * this.#rate + this.#headStartMs;
    for (let tag = this.#tags[this.#next]; tag && tag.timestamp <= due; tag = this.#tags[this.#next]) {
      if (tag.timestamp >= this.#finishAt && this.#mayEndBefore(tag)) return this.stop();
      this.#handOver();
    }
    if (this.#next >= this.#tags.length) this.stop();
  }

  #handOver(): void {
    const tag = this.#tags[this.#next++] as FlvTag;
    this.#deliver({ ...tag, timestamp: (tag.timestamp + this.#clock) >>> 0 });
  }

  #mayEndBefore(tag: FlvTag): boolean {
    const unit = unitOf(tag);
    return !this.#hasVideo || (unit?.track === "video" && unit.key);
  }
}
