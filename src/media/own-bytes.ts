import type { MediaPacket } from "../domain/ports/channel.ts";

/** A view may keep alive this many times its own size. */
const VIEW_FACTOR = 4;

/** A payload for somebody who keeps it: a view, unless that would keep much more memory alive. */
export function ownBytes(payload: Buffer): Buffer {
  if (payload.length * VIEW_FACTOR >= payload.buffer.byteLength) return payload;
  const copy = Buffer.allocUnsafeSlow(payload.length);
  payload.copy(copy);
  return copy;
}

/** A packet for somebody who keeps it. */
export function ownPacket({ type, timestamp, payload }: MediaPacket): MediaPacket {
  return { type, timestamp, payload: ownBytes(payload) };
}
