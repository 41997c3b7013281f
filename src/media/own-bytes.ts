import type { MediaPacket } from "../domain/ports/channel.ts";

/** A payload for somebody who keeps it, and counts its length: a copy, unless it is all that its memory holds. */
export function ownBytes(payload: Buffer): Buffer {
  if (payload.length === payload.buffer.byteLength) return payload;
  const copy = Buffer.allocUnsafeSlow(payload.length);
  payload.copy(copy);
  return copy;
}

/** A packet for somebody who keeps it. */
export function ownPacket({ type, timestamp, payload }: MediaPacket): MediaPacket {
  return { type, timestamp, payload: ownBytes(payload) };
}
