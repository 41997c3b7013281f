import { ChunkReader } from "../../src/media/rtmp/chunk-reader.ts";
import type { RtmpMessage } from "../../src/media/rtmp/message.ts";
import { ownCopy } from "./engine/random.ts";
import { rtmpSeeds } from "./seeds.ts";

const LIMITS = { messageBytes: 0xff_ffff, chunkStreams: 64, halfReceivedBytes: 1 << 28 };

/** The messages in what came after a handshake, as far as they are whole. */
export function messagesOf(bytes: Buffer): RtmpMessage[] {
  const messages: RtmpMessage[] = [];
  // A copy: the reader may hand out views of it.
  new ChunkReader(LIMITS, (message) => void messages.push(message)).push(ownCopy(bytes));
  return messages;
}

/** The payloads of all messages of these types that real clients sent, each once. */
export function messagePayloads(types: readonly number[]): Buffer[] {
  const payloads = rtmpSeeds()
    .flatMap(messagesOf)
    .filter(({ type }) => types.includes(type))
    .map(({ payload }) => payload.toString("latin1"));
  return [...new Set(payloads)].map((text) => Buffer.from(text, "latin1"));
}
