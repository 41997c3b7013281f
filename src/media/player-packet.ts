import type { MediaPacket } from "../domain/ports/channel.ts";
import { playerData } from "./player-data.ts";
import { MESSAGE } from "./rtmp/message.ts";

/**
 * What a source sent, as channels take it; `undefined` when players are to get nothing of it.
 *
 * @param type     of an RTMP message or FLV tag: what is neither audio nor video is data
 * @param payload  data in AMF0
 */
export function playerPacket(type: number, timestamp: number, payload: Buffer): MediaPacket | undefined {
  if (payload.length === 0) return undefined;
  if (type === MESSAGE.video) return { type: "video", timestamp, payload };
  if (type === MESSAGE.audio) return { type: "audio", timestamp, payload };
  const data = playerData(payload);
  return data && { type: "data", timestamp, payload: data };
}
