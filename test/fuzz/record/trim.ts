import { ChunkReader } from "../../../src/media/rtmp/chunk-reader.ts";
import { HANDSHAKE_BYTES } from "../seeds.ts";

const LIMITS = { messageBytes: 0xff_ffff, chunkStreams: 64, halfReceivedBytes: 1 << 28 };
const MEDIA = [8, 9];

/**
 * Leave the middle of a long RTMP session out, at borders of messages: its beginning up to `most` bytes stays, and what
 * came behind the last of the media.
 */
export function trimRtmp(capture: Buffer, most: number): Buffer {
  if (capture.length <= most) return capture;
  const session = capture.subarray(HANDSHAKE_BYTES);
  const ends: { readonly at: number; readonly media: boolean }[] = [];
  let at = 0;
  const reader = new ChunkReader(LIMITS, ({ type }) => void ends.push({ at, media: MEDIA.includes(type) }));
  // Byte by byte, to see where each message ends.
  for (at = 1; at <= session.length; at++) reader.push(Buffer.from([session[at - 1] as number]));
  const lastMedia = ends.findLast(({ media }) => media)?.at ?? 0;
  const kept = ends.findLast((end) => end.at <= most - HANDSHAKE_BYTES)?.at ?? 0;
  return Buffer.concat([
    capture.subarray(0, HANDSHAKE_BYTES),
    session.subarray(0, kept),
    session.subarray(Math.max(kept, lastMedia)),
  ]);
}

/** The same for an HTTP request with a body, cut anywhere. */
export function trimHttp(capture: Buffer, most: number): Buffer {
  return capture.subarray(0, most);
}
