import type { OutputForm } from "../domain/ports/channel.ts";
import type { Group, GroupMemory } from "./group-memory.ts";
import { serialise, type StreamMessage } from "./message.ts";
import { MESSAGE } from "./rtmp/message.ts";
import { Section, type TapedMessage } from "./tape.ts";

export interface GopLimits {
  /** Most bytes, as RTMP; 0 keeps nothing. */
  readonly maxBytes: number;
  /** Longest stretch of media in ms. */
  readonly maxDuration: number;
}

/** Some messages of the group. */
class Segment {
  /** Of its first message; that itself is on the tape. */
  readonly time: number;
  readonly startsWith: readonly StreamMessage[] | undefined;
  readonly section = new Section();
  length = 0;
  /** Made when somebody joined; the last segment's are dropped when it grows. */
  rtmp: Buffer | undefined;
  flv: Buffer | undefined;

  constructor({ time, startsWith }: StreamMessage) {
    this.time = time;
    this.startsWith = startsWith;
  }

  get bytes(): number {
    return this.section.bytes("rtmp");
  }

  add(taped: TapedMessage): void {
    this.section.add(taped);
    this.length += 1;
    this.forget();
  }

  forget(): void {
    this.rtmp = undefined;
    this.flv = undefined;
  }
}

/** A segment of this size is closed: from then on all who join share its bytes. */
const SEGMENT_BYTES = 256 * 1_024;
/** Without video a player may begin anywhere; so much sound fills its buffer. */
const AUDIO_ONLY_MS = 2_000;
const AUDIO_SEGMENT_MS = 500;

/**
 * The stream since the last keyframe, for players that join. Without video: the last two seconds.
 *
 * A group that outgrows its limits, or is the largest when all together are too large, is dropped as a whole, so that nobody begins in the middle of one; players that
 * join then wait for the next keyframe. The bytes for players are made when somebody joins and shared by all who
 * join later: all but the last quarter megabyte once per group, that rest once per change. So neither a storm
 * of joins nor a thousand players that join and never read cost a group each.
 */
export class GopCache {
  readonly #limits: GopLimits;
  readonly #chunkSize: number;
  #segments: Segment[] = [];
  readonly #group: Group;
  #audioOnly = false;

  constructor(limits: GopLimits, chunkSize: number, memory: GroupMemory) {
    this.#limits = limits;
    this.#group = memory.group(() => this.clear());
    this.#chunkSize = chunkSize;
  }

  /** Bytes kept, as counted for the limit. */
  get bytes(): number {
    return this.#group.bytes;
  }

  /** Messages kept. */
  get length(): number {
    return this.#segments.reduce((sum, { length }) => sum + length, 0);
  }

  /** Keep a message, or begin anew with it. */
  add(taped: TapedMessage): void {
    const { message } = taped;
    if (this.#limits.maxBytes === 0) return;
    if (message.startsWith && (message.type === MESSAGE.video || this.#segments.length === 0)) {
      this.clear();
      this.#audioOnly = message.type !== MESSAGE.video;
    } else if (this.#segments.length === 0) return;
    this.#append(taped);
    if (this.#audioOnly) this.#forgetOldest(message.time);
    const { maxBytes, maxDuration } = this.#limits;
    if (this.#group.bytes > maxBytes || this.#duration(message) > maxDuration) this.clear();
  }

  clear(): void {
    this.#segments = [];
    this.#group.clear();
  }

  /**
   * All that is kept, headers first, to be written in this order. Whole messages, shared: never change them.
   *
   * @returns `undefined` when there is nothing to begin with; then wait for a message with `startsWith`
   */
  snapshot(form: OutputForm): readonly Buffer[] | undefined {
    if (this.#segments.length === 0) return undefined;
    return this.#segments.map((segment, index) => (segment[form] ??= this.#bytesOf(segment, index, form)));
  }

  #append(taped: TapedMessage): void {
    let segment = this.#segments.at(-1);
    if (!segment || this.#isFull(segment, taped.message)) {
      segment = new Segment(taped.message);
      this.#segments.push(segment);
    }
    segment.add(taped);
    this.#group.count(taped.end - taped.start);
  }

  #isFull({ time, bytes }: Segment, next: StreamMessage): boolean {
    if (!this.#audioOnly) return bytes >= SEGMENT_BYTES;
    // The oldest segment is dropped some day: the one behind it must be one to begin with.
    return next.startsWith !== undefined && next.time - time >= AUDIO_SEGMENT_MS;
  }

  #forgetOldest(now: number): void {
    for (let next = this.#segments[1]; next; next = this.#segments[1]) {
      const enough = now - next.time >= AUDIO_ONLY_MS;
      if (!enough && this.#group.bytes <= this.#limits.maxBytes) return;
      this.#group.count(-(this.#segments.shift()?.bytes ?? 0));
      // It stands first now and needs the headers in front.
      next.forget();
    }
  }

  #duration(newest: StreamMessage): number {
    return newest.time - (this.#segments[0]?.time ?? newest.time);
  }

  #bytesOf({ time, startsWith = [], section }: Segment, index: number, form: OutputForm): Buffer {
    const body = section.as(form, this.#chunkSize);
    if (index > 0 || startsWith.length === 0) return body;
    return Buffer.concat([serialise(startsWith, form, this.#chunkSize, time), body]);
  }
}
