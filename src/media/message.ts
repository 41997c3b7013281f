import type { MediaPacket, OutputForm } from "../domain/ports/channel.ts";
import { tagBytes } from "./flv/tag.ts";
import { tagsOf } from "./flv/tags-of-chunks.ts";
import { writeMessage } from "./rtmp/chunk-writer.ts";
import { CHUNK_STREAM, MESSAGE, type RtmpMessage } from "./rtmp/message.ts";

/** Message types that carry a stream: the same numbers in RTMP and FLV. */
export type StreamMessageType = typeof MESSAGE.audio | typeof MESSAGE.video | typeof MESSAGE.data;

/** One message of a channel, on the channel's timeline. */
export interface StreamMessage {
  readonly type: StreamMessageType;
  /** Channel time in ms, not wrapped. */
  readonly time: number;
  readonly payload: Buffer;
  /** A header or metadata: part of what a player needs before the first frame. */
  readonly header: boolean;
  /**
   * Present when a player can begin with this message: the headers that it needs before it. The same array as
   * long as the headers have not changed.
   */
  readonly startsWith?: readonly StreamMessage[];
}

const PACKET_TYPE = Object.freeze({
  [MESSAGE.audio]: "audio",
  [MESSAGE.video]: "video",
  [MESSAGE.data]: "data",
} as const);

/** A packet as a message of the channel. */
export function messageOf({ type, payload }: MediaPacket, time: number, header: boolean): StreamMessage {
  return { type: MESSAGE[type], time, payload, header };
}

/** A message as its source sent it, but for the time: headers have none that counts. */
export function packetOf({ type, payload }: StreamMessage): MediaPacket {
  return { type: PACKET_TYPE[type], timestamp: 0, payload };
}

/** Where players hear a stream: what createStream answers. */
const STREAM_ID = 1;
const CHUNK_STREAM_OF = Object.freeze({
  [MESSAGE.audio]: CHUNK_STREAM.audio,
  [MESSAGE.video]: CHUNK_STREAM.video,
  [MESSAGE.data]: CHUNK_STREAM.stream,
});

/**
 * Messages as bytes on the wire, in one buffer.
 *
 * @param stamp  time for all of them; headers are older than the frame they stand before
 */
export function serialise(
  messages: readonly StreamMessage[],
  form: OutputForm,
  chunkSize: number,
  stamp: number,
): Buffer {
  const chunks = messages.map((message) => writeMessage(rtmpMessageOf(message, stamp), chunkSize));
  const bytes = Buffer.concat(chunks);
  if (form === "rtmp") return bytes;
  const tags = messages.reduce((sum, { payload }) => sum + tagBytes(payload.length), 0);
  return tagsOf(bytes, chunkSize, tags);
}

/**
 * A message as RTMP players get it.
 *
 * Metadata is always stamped 0, as nginx-rtmp and SRS stamp it: FFmpeg takes a later onMetaData for a subtitle.
 * [FFmpeg, libavformat/flvdec.c, flv_read_packet]
 */
export function rtmpMessageOf({ type, payload, header }: StreamMessage, time: number): RtmpMessage {
  const timestamp = type === MESSAGE.data && header ? 0 : time >>> 0;
  return { type, streamId: STREAM_ID, chunkStreamId: CHUNK_STREAM_OF[type], timestamp, payload };
}
