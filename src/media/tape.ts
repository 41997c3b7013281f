import type { OutputForm } from "../domain/ports/channel.ts";
import { tagBytes } from "./flv/tag.ts";
import { tagsOf } from "./flv/tags-of-chunks.ts";
import { rtmpMessageOf, type StreamMessage } from "./message.ts";
import { chunkedBytes, writeChunks } from "./rtmp/chunk-writer.ts";

/** Memory is taken in blocks of at least this size … */
const BLOCK_BYTES = 65_536;
/** … and of so many messages: what is left over at the end of one is an eighth of it at most … */
const BLOCK_MESSAGES = 8;
/** … up to this size, unless a single message is longer. */
const MOST_BLOCK_BYTES = 1_048_576;

/** A message and where it lies on the tape. */
export interface TapedMessage {
  readonly message: StreamMessage;
  readonly block: Buffer;
  readonly start: number;
  readonly end: number;
}

/**
 * The messages of a channel as chunks, one behind the other in large blocks of memory.
 *
 * Each is written down once, when it comes; what RTMP players get, and what is kept for those who join, are views. So
 * a batch is made without copying, and the thousands of messages that are kept are no objects, only bytes: the garbage
 * collector has a few blocks a second to look after, instead of some buffers per message.
 */
export class Tape {
  readonly #chunkSize: number;
  #block = Buffer.alloc(0);
  #end = 0;

  /** @param chunkSize  that all players were told */
  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
  }

  /** Write a message down. Its payload is copied. */
  append(message: StreamMessage): TapedMessage {
    const written = rtmpMessageOf(message, message.time);
    const bytes = chunkedBytes(written, this.#chunkSize);
    if (this.#end + bytes > this.#block.length) {
      const several = Math.min(MOST_BLOCK_BYTES, Math.max(BLOCK_BYTES, bytes * BLOCK_MESSAGES));
      this.#block = Buffer.allocUnsafeSlow(Math.max(several, bytes));
      this.#end = 0;
    }
    const start = this.#end;
    this.#end = writeChunks(this.#block, start, written, this.#chunkSize);
    return { message, block: this.#block, start, end: this.#end };
  }
}

interface Stretch {
  readonly block: Buffer;
  readonly start: number;
  end: number;
}

/** A part of a tape: some messages, in the order in which they were written down. */
export class Section {
  readonly #stretches: Stretch[] = [];
  #chunkBytes = 0;
  #tagBytes = 0;

  /** How long it is in a form. */
  bytes(form: OutputForm): number {
    return form === "rtmp" ? this.#chunkBytes : this.#tagBytes;
  }

  add({ message, block, start, end }: TapedMessage): void {
    this.#chunkBytes += end - start;
    this.#tagBytes += tagBytes(message.payload.length);
    const last = this.#stretches.at(-1);
    if (last?.block === block && last.end === start) last.end = end;
    else this.#stretches.push({ block, start, end });
  }

  /** Its bytes on the wire; a view where that is possible. Shared: never change them. */
  as(form: OutputForm, chunkSize: number): Buffer {
    const views = this.#stretches.map(({ block, start, end }) => block.subarray(start, end));
    const chunks = views.length === 1 ? (views[0] as Buffer) : Buffer.concat(views);
    return form === "rtmp" ? chunks : tagsOf(chunks, chunkSize, this.#tagBytes);
  }
}
