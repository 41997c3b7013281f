import { HoldfastError } from "../../domain/errors.ts";
import type { MemoryBudget } from "../memory-budget.ts";
import { splitAggregate } from "./aggregate.ts";
import { ChunkStream } from "./chunk-stream.ts";
import { readChunkSize, readControlNumber } from "./control.ts";
import { DEFAULT_CHUNK_SIZE, MESSAGE, type RtmpMessage } from "./message.ts";

/** What one connection may take. Checked before memory is taken. */
export interface ChunkLimits {
  /** Longest message, in bytes. */
  readonly messageBytes: number;
  /** Chunk streams ever used on the connection. */
  readonly chunkStreams: number;
  /** Memory of all unfinished messages, in bytes. */
  readonly halfReceivedBytes: number;
  /** Shared with other connections, which bounds the same memory once more. */
  readonly budget?: MemoryBudget;
}

/** Message header bytes of the four header forms. [RTMP 1.0 §5.3.1.2] */
const HEADER_BYTES = [11, 7, 3, 0] as const;
const EXTENDED = 0xff_ffff;
/** Three bytes of basic header, eleven of message header, four of extended timestamp. */
const LONGEST_HEADER = 18;

/**
 * Puts the messages of one connection together from the bytes after the handshake.
 *
 * Set Chunk Size and Abort take effect here, aggregates are split; everything else goes to `onMessage`, which may
 * replace `limits` or call `stop()`. A payload is a view of what was pushed where it lies whole in it: most are used at
 * once and forgotten. Who keeps one copies it (`ownBytes`), or keeps all that was read with it.
 */
export class ChunkReader {
  #limits: ChunkLimits;
  readonly #onMessage: (message: RtmpMessage) => void;
  readonly #streams = new Map<number, ChunkStream>();
  /** The beginning of a chunk header whose end has not arrived. */
  readonly #held = Buffer.allocUnsafe(LONGEST_HEADER);
  #heldBytes = 0;
  /** The chunk whose payload is arriving, and how much of it is to come. */
  #current: ChunkStream | undefined;
  #chunkLeft = 0;
  #chunkSize = DEFAULT_CHUNK_SIZE;
  #bytesRead = 0;
  #halfReceived = 0;
  #stopped = false;

  constructor(limits: ChunkLimits, onMessage: (message: RtmpMessage) => void) {
    this.#limits = limits;
    this.#onMessage = onMessage;
  }

  set limits(limits: ChunkLimits) {
    // The one may be a part of the other: given back first, the move cannot fail.
    this.#limits.budget?.give(this.#halfReceived);
    limits.budget?.take(this.#halfReceived);
    this.#limits = limits;
  }

  /** All bytes pushed, for acknowledgements. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Memory of unfinished messages now, in bytes. */
  get halfReceived(): number {
    return this.#halfReceived;
  }

  /** Forget everything; bytes pushed from now on are ignored. */
  stop(): void {
    this.#stopped = true;
    this.#streams.clear();
    this.#current = undefined;
    this.#free(this.#halfReceived);
  }

  /**
   * Take what arrived. The buffer belongs to the reader from now on: payloads may be views of it.
   *
   * @throws HoldfastError `PROTOCOL_VIOLATION` or `LIMIT_EXCEEDED`, and what `onMessage` throws. The reader has
   * stopped then.
   */
  push(data: Buffer): void {
    if (this.#stopped) return;
    this.#bytesRead += data.length;
    try {
      this.#take(data);
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  #take(data: Buffer): void {
    let at = 0;
    while (at < data.length && !this.#stopped)
      at = this.#current ? this.#takePayload(this.#current, data, at) : this.#takeHeader(data, at);
  }

  #takePayload(stream: ChunkStream, data: Buffer, at: number): number {
    const end = Math.min(data.length, at + this.#chunkLeft);
    this.#chunkLeft -= end - at;
    if (this.#chunkLeft === 0) this.#current = undefined;
    if (end - at === stream.length) {
      stream.finish();
      this.#deliver(stream, data.subarray(at, end));
      return end;
    }
    const capacity = stream.capacityFor(end - at);
    if (capacity > stream.capacity) this.#reserve(capacity - stream.capacity);
    stream.append(data, at, end, capacity);
    if (stream.received === stream.length) {
      this.#free(capacity);
      this.#deliver(stream, stream.finish());
    }
    return end;
  }

  #takeHeader(data: Buffer, at: number): number {
    if (this.#heldBytes === 0) {
      const used = this.#readHeader(data, at, data.length);
      if (used > 0) return at + used;
      this.#heldBytes = data.copy(this.#held, 0, at);
      return data.length;
    }
    const before = this.#heldBytes;
    const held = before + data.copy(this.#held, before, at);
    const used = this.#readHeader(this.#held, 0, held);
    this.#heldBytes = used === 0 ? held : 0;
    if (used === 0) return at + held - before;
    if (used >= before) return at + used - before;
    // What was held as the beginning of a repeated timestamp turned out to be payload.
    this.#take(Buffer.from(this.#held.subarray(used, before)));
    return at;
  }

  /** Read one chunk header and begin its chunk. Returns its length; 0, with nothing done, when it is not whole. */
  #readHeader(bytes: Buffer, start: number, end: number): number {
    const first = bytes[start] as number;
    const format = (first >> 6) as 0 | 1 | 2 | 3;
    // Ids 0 and 1 say that one or two bytes of id follow. [RTMP 1.0 §5.3.1.1]
    let id = first & 63;
    const header = start + (id === 0 ? 2 : id === 1 ? 3 : 1);
    let at = header + HEADER_BYTES[format];
    if (at > end) return 0;
    if (id === 0) id = 64 + (bytes[start + 1] as number);
    else if (id === 1) id = 64 + (bytes[start + 1] as number) + 256 * (bytes[start + 2] as number);

    let stream = this.#streams.get(id);
    if (format === 3) {
      if (!stream) throw violation("a chunk stream begins without a header");
      if (stream.extended) {
        const repeated = stream.repeatsTimestamp(bytes, at, end);
        if (repeated === undefined) return 0;
        at += repeated;
      }
      // A new message: the delta is the last header's field, even a type 0 header's. [RTMP 1.0 §5.3.1.2.4]
      if (!stream.open) this.#begin(stream, stream.timestamp + stream.field);
    } else {
      let field = uint24(bytes, header);
      const extended = field === EXTENDED;
      if (extended) {
        if (at + 4 > end) return 0;
        field = bytes.readUInt32BE(at);
        at += 4;
      }
      stream ??= this.#open(id, format);
      if (stream.open) throw violation("a message begins inside another one of its chunk stream");
      if (format < 2) {
        stream.length = uint24(bytes, header + 3);
        stream.type = bytes[header + 6] as number;
      }
      if (format === 0) stream.streamId = bytes.readUInt32LE(header + 7);
      stream.field = field;
      stream.extended = extended;
      this.#begin(stream, format === 0 ? field : stream.timestamp + field);
    }
    this.#chunkLeft = Math.min(this.#chunkSize, stream.length - stream.received);
    if (this.#chunkLeft > 0) this.#current = stream;
    else this.#deliver(stream, stream.finish());
    return at - start;
  }

  /** librtmp opens chunk stream 2 with a type 1 header; types 2 and 3 would leave the length unknown. */
  #open(id: number, format: 0 | 1 | 2): ChunkStream {
    if (format === 2) throw violation("a chunk stream begins without a header");
    if (this.#streams.size >= this.#limits.chunkStreams) throw tooMuch("there are too many chunk streams");
    const stream = new ChunkStream(id);
    this.#streams.set(id, stream);
    return stream;
  }

  #begin(stream: ChunkStream, timestamp: number): void {
    if (stream.length > this.#limits.messageBytes) throw tooMuch("a message is too long");
    stream.timestamp = timestamp >>> 0;
    stream.open = true;
  }

  #deliver({ type, streamId, id, timestamp }: ChunkStream, payload: Buffer): void {
    const message = { type, streamId, chunkStreamId: id, timestamp, payload };
    switch (type) {
      case MESSAGE.setChunkSize:
        this.#chunkSize = readChunkSize(message);
        return;
      case MESSAGE.abort:
        return this.#abort(readControlNumber(message));
      case MESSAGE.aggregate:
        return splitAggregate(message, (part) => {
          if (!this.#stopped) this.#onMessage(part);
        });
      default:
        this.#onMessage(message);
    }
  }

  /** [RTMP 1.0 §5.4.2] */
  #abort(id: number): void {
    const stream = this.#streams.get(id);
    if (!stream?.open) return;
    this.#free(stream.capacity);
    stream.finish();
  }

  #reserve(bytes: number): void {
    if (this.#halfReceived + bytes > this.#limits.halfReceivedBytes)
      throw tooMuch("the unfinished messages are too long");
    this.#limits.budget?.take(bytes);
    this.#halfReceived += bytes;
  }

  #free(bytes: number): void {
    this.#halfReceived -= bytes;
    this.#limits.budget?.give(bytes);
  }
}

function uint24(bytes: Buffer, at: number): number {
  return ((bytes[at] as number) << 16) | ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
}

function violation(detail: string): HoldfastError {
  return new HoldfastError("PROTOCOL_VIOLATION", { detail });
}

function tooMuch(detail: string): HoldfastError {
  return new HoldfastError("LIMIT_EXCEEDED", { detail });
}
