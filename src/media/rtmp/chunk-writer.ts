import { MAX_MESSAGE_BYTES, type RtmpMessage } from "./message.ts";

const EXTENDED = 0xff_ffff;
const FULL_HEADER = 11;
const EXTENDED_BYTES = 4;

/**
 * One message as chunks: a type 0 header, then type 3 continuations.
 *
 * A timestamp of 0xffffff or more is written as extended timestamp on every chunk, as the specification, FMS,
 * FFmpeg and SRS do. [RTMP 1.0 §5.3.1]
 *
 * @param chunkSize what the peer was told by Set Chunk Size; 128 before
 * @throws RangeError for what the wire cannot express: a payload over 16 MB, a chunk stream id outside 2 to 65,599
 */
export function writeMessage(message: RtmpMessage, chunkSize: number): Buffer {
  const out = Buffer.allocUnsafe(chunkedBytes(message, chunkSize));
  writeChunks(out, 0, message, chunkSize);
  return out;
}

/** How long a message is as chunks. @throws RangeError as {@link writeMessage} */
export function chunkedBytes({ payload, chunkStreamId, timestamp }: RtmpMessage, chunkSize: number): number {
  const { length } = payload;
  if (length > MAX_MESSAGE_BYTES) throw new RangeError(`a message of ${length} bytes is too long`);
  if (!(chunkSize >= 1)) throw new RangeError(`chunk size ${chunkSize}`);
  const basic = basicHeaderBytes(chunkStreamId);
  const extended = timestamp >>> 0 >= EXTENDED ? EXTENDED_BYTES : 0;
  const continuations = length > chunkSize ? Math.ceil(length / chunkSize) - 1 : 0;
  return basic + FULL_HEADER + extended + length + continuations * (basic + extended);
}

/** Write a message as chunks into `out`, where {@link chunkedBytes} must fit. Returns where the next one goes. */
export function writeChunks(out: Buffer, start: number, message: RtmpMessage, chunkSize: number): number {
  const { payload, chunkStreamId, streamId } = message;
  const { length } = payload;
  const timestamp = message.timestamp >>> 0;
  const extended = timestamp >= EXTENDED;
  let at = writeBasicHeader(out, start, 0, chunkStreamId);
  const field = extended ? EXTENDED : timestamp;
  out[at] = field >>> 16;
  out[at + 1] = field >>> 8;
  out[at + 2] = field;
  out[at + 3] = length >>> 16;
  out[at + 4] = length >>> 8;
  out[at + 5] = length;
  out[at + 6] = message.type;
  // The one little-endian number of the protocol. [RTMP 1.0 §5.3.1.2.1]
  out[at + 7] = streamId;
  out[at + 8] = streamId >>> 8;
  out[at + 9] = streamId >>> 16;
  out[at + 10] = streamId >>> 24;
  at += FULL_HEADER;
  if (extended) at = out.writeUInt32BE(timestamp, at);

  let sent = Math.min(length, chunkSize);
  at += payload.copy(out, at, 0, sent);
  while (sent < length) {
    at = writeBasicHeader(out, at, 3, chunkStreamId);
    if (extended) at = out.writeUInt32BE(timestamp, at);
    const end = Math.min(length, sent + chunkSize);
    at += payload.copy(out, at, sent, end);
    sent = end;
  }
  return at;
}

function basicHeaderBytes(chunkStreamId: number): 1 | 2 | 3 {
  if (chunkStreamId >= 2 && chunkStreamId <= 63) return 1;
  if (chunkStreamId >= 64 && chunkStreamId <= 319) return 2;
  if (chunkStreamId >= 320 && chunkStreamId <= 65_599) return 3;
  throw new RangeError(`chunk stream id ${chunkStreamId}`);
}

/** [RTMP 1.0 §5.3.1.1] */
function writeBasicHeader(out: Buffer, at: number, format: 0 | 3, chunkStreamId: number): number {
  const top = format << 6;
  if (chunkStreamId <= 63) {
    out[at] = top | chunkStreamId;
    return at + 1;
  }
  const rest = chunkStreamId - 64;
  if (chunkStreamId <= 319) {
    out[at] = top;
    out[at + 1] = rest;
    return at + 2;
  }
  out[at] = top | 1;
  out[at + 1] = rest;
  out[at + 2] = rest >>> 8;
  return at + 3;
}
