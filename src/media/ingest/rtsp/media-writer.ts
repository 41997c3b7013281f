import type { MediaPacket } from "../../../domain/ports/channel.ts";

/** Takes messages of a stream; times are ms of the session, not rounded, and may be negative. */
export type MediaWriter = (type: MediaPacket["type"], time: number, payload: Buffer) => void;

/** Sound and the first decoding times may lie before the first packet. */
const HEADROOM = 1_000;

/** A writer of packets: times from about 0 on that never go back in a track. */
export function packetWriter(write: (packet: MediaPacket) => void): MediaWriter {
  const last = { audio: 0, video: 0, data: 0 };
  return (type, time, payload) => {
    const timestamp = Math.max(last[type], Math.round(time) + HEADROOM);
    last[type] = timestamp;
    write({ type, timestamp: timestamp % 2 ** 32, payload });
  };
}
