import type { ErrorCode } from "../../src/domain/errors.ts";
import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import { MESSAGE, type RtmpMessage } from "../../src/media/rtmp/message.ts";
import type { WireClient } from "./wire-client.ts";
import { media } from "./wire-session.ts";

/** Something that a client may send to a server of RTMP, and what a Holdfast origin makes of it. */
export interface HostileInput {
  readonly name: string;
  /** What the client has done before. */
  readonly after: "handshake" | "connect" | "publish";
  readonly send: (client: WireClient) => void;
  /** `code` of the line that the session leaves; without it the connection goes on. */
  readonly ends?: ErrorCode;
  /** `code` of the onStatus, level error, that it is told before the end. */
  readonly told?: string;
  /** It ends node-media-server 4.4.3 (test/nightly/peer-crashes.test.ts). */
  readonly fatal?: true;
}

/** Bytes, with spaces where they help. */
export const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
/** A message of the connection itself. */
export const raw = (payload: Buffer, type: number = MESSAGE.command): RtmpMessage => ({
  ...media(type, payload),
  streamId: 0,
  chunkStreamId: 3,
});
export const send = (message: RtmpMessage) => (client: WireClient) => client.send(message);
/** Past all chunking. */
export const bytes = (text: string) => (client: WireClient) => client.sendBytes(hex(text));
/** An object in an object, so many times. */
export const nested = (levels: number): Buffer =>
  Buffer.concat(Array.from({ length: levels }, () => hex("03 0001 61")));

/** A message on a chunk stream that was never used, which has no old bytes to fall back on, and something behind it. */
export const alone = (message: RtmpMessage) => (client: WireClient) => {
  client.send({ ...message, chunkStreamId: 20 });
  client.send(raw(encodeAmf0("x", 0, null)));
};
