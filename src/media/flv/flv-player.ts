import type { Socket } from "node:net";
import type { Channel } from "../../domain/ports/channel.ts";
import { tracksOf } from "../codec.ts";
import { flvFileHeader } from "./tag.ts";

/** How long a player may take for the rest after the end of the stream, and when the origin stops. */
export const DRAIN_MS = 10_000;
export const STOP_MS = 500;

/**
 * What a player gets first: which tracks there are; none when nobody knows yet. mpegts.js (1.8.2) waits for every
 * track that is announced, for ever, and takes those that come without having been.
 */
export function fileHeaderOf({ codecs }: Channel): Buffer {
  return flvFileHeader(codecs === "" ? { audio: false, video: false } : tracksOf(codecs));
}

/** Close at once. A FIN would wait behind what the player does not read, with megabytes of the kernel's memory. */
export function destroyPlayer(socket: Socket): void {
  if (socket.writableLength > 0) socket.resetAndDestroy();
  else socket.destroy();
}
