import type { RtmpMessage } from "../../src/media/rtmp/message.ts";

/** How one message is put into chunks by {@link ChunkForger}. */
export interface ForgeOptions {
  /** Header form of the first chunk; the shortest possible one when larger than what the stream's past allows. */
  readonly format?: 0 | 1 | 2 | 3;
  /** Leave the extended timestamp out of type 3 chunks, as old librtmp does. */
  readonly omitRepeats?: boolean;
  /** Repeat the absolute time instead of the field. */
  readonly repeatAbsolute?: boolean;
}

interface Past {
  type: number;
  length: number;
  streamId: number;
  timestamp: number;
  field: number;
}

/** Writes chunks as other peers do: all header forms, any id width, any oddity. Keeps what a sender must remember. */
export class ChunkForger {
  chunkSize = 128;
  readonly #past = new Map<number, Past>();

  /** The chunks of one message, each a Buffer, to be sent in order; other streams' chunks may lie between. */
  chunks(message: RtmpMessage, options: ForgeOptions = {}): Buffer[] {
    const { chunkStreamId: id, payload } = message;
    const past = this.#past.get(id);
    const format = this.#possible(message, past, options.format ?? 0);
    const field = format === 0 ? message.timestamp : (message.timestamp - (past?.timestamp ?? 0)) >>> 0;
    const header = [
      basicHeader(format, id),
      format < 3 ? uint(3, Math.min(field, 0xff_ffff)) : empty,
      format < 2 ? Buffer.concat([uint(3, payload.length), Buffer.from([message.type])]) : empty,
      format === 0 ? littleEndian(message.streamId) : empty,
      field >= 0xff_ffff && !(format === 3 && options.omitRepeats) ? uint(4, field) : empty,
    ];
    const repeated = options.repeatAbsolute ? message.timestamp : field;
    const extension = field >= 0xff_ffff && !options.omitRepeats ? uint(4, repeated) : empty;
    const out = [Buffer.concat([...header, payload.subarray(0, this.chunkSize)])];
    for (let at = this.chunkSize; at < payload.length; at += this.chunkSize)
      out.push(Buffer.concat([basicHeader(3, id), extension, payload.subarray(at, at + this.chunkSize)]));
    const { type, streamId, timestamp } = message;
    this.#past.set(id, { type, length: payload.length, streamId, timestamp, field });
    return out;
  }

  write(message: RtmpMessage, options: ForgeOptions = {}): Buffer {
    return Buffer.concat(this.chunks(message, options));
  }

  #possible(message: RtmpMessage, past: Past | undefined, wanted: 0 | 1 | 2 | 3): 0 | 1 | 2 | 3 {
    if (wanted === 0 || past === undefined || past.streamId !== message.streamId) return 0;
    if (past.type !== message.type || past.length !== message.payload.length) return 1;
    const delta = (message.timestamp - past.timestamp) >>> 0;
    return wanted === 3 && delta !== past.field ? 2 : wanted;
  }
}

/** The first one to three bytes of a chunk. `width` forces a longer form than needed. */
export function basicHeader(format: number, id: number, width?: 1 | 2 | 3): Buffer {
  const bytes = width ?? (id < 64 ? 1 : id < 320 ? 2 : 3);
  if (bytes === 1) return Buffer.from([(format << 6) | id]);
  if (bytes === 2) return Buffer.from([format << 6, id - 64]);
  return Buffer.from([(format << 6) | 1, (id - 64) & 0xff, (id - 64) >> 8]);
}

const empty = Buffer.alloc(0);

function uint(bytes: number, value: number): Buffer {
  const out = Buffer.alloc(bytes);
  out.writeUIntBE(value, 0, bytes);
  return out;
}

function littleEndian(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
}

/** Cut bytes at the given places (taken modulo the length). */
export function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  const parts: Buffer[] = [];
  let from = 0;
  for (const to of [...sorted, bytes.length]) {
    // A copy of its own, as a socket would give it.
    parts.push(Buffer.from(bytes.subarray(from, to)));
    from = to;
  }
  return parts;
}
