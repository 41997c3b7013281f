import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import { writeMessage } from "../../src/media/rtmp/chunk-writer.ts";
import { connectionCommand, streamCommand } from "../../src/media/rtmp/commands.ts";
import { MESSAGE, type RtmpMessage } from "../../src/media/rtmp/message.ts";
import { media, userControl } from "./wire-session.ts";

const CHUNK = 128;
/** C0, C1 and C2 of a simple handshake. */
export const HANDSHAKE = Buffer.concat([Buffer.from([3]), Buffer.alloc(2 * 1_536)]);

/** Random numbers from 0 up to 1, the same for the same seed. mulberry32: small, and the same everywhere. */
export function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Overwrite one to five bytes, one in twenty of them before `from`. */
export function mutate(bytes: Buffer, from: number, random: () => number): void {
  const pick = (below: number) => Math.floor(random() * below);
  for (let flips = 1 + pick(5); flips > 0; flips--)
    bytes[random() < 0.05 ? pick(from) : from + pick(bytes.length - from)] = pick(256);
}

/** An RTMP session as an encoder sends it, or a player, after the handshake. `opening`: up to `publish` or `play`. */
export function rtmpSession(
  publishes: boolean,
  stream = "cam?a=b",
): { readonly opening: Buffer; readonly rest: Buffer } {
  const name = publishes ? "publish" : "play";
  const picture = Buffer.from("1700000000014d401fffe1000867", "hex");
  const opening = [
    connectionCommand("connect", 1, { app: "live", tcUrl: "rtmp://h/live", fourCcList: ["hvc1"], capsEx: 7 }),
    connectionCommand("createStream", 2, null),
    streamCommand(1, name, 3, null, stream, "live"),
  ];
  const rest = [
    userControl(6, 77),
    ...(publishes
      ? [
          media(MESSAGE.data, encodeAmf0("@setDataFrame", "onMetaData", { width: 1, list: [1, "a", null] })),
          media(MESSAGE.video, picture),
          media(MESSAGE.audio, Buffer.from("af001210", "hex"), 5),
          media(MESSAGE.video, Buffer.alloc(700, 0x27), 40),
          media(MESSAGE.aggregate, Buffer.from("0800000400000100000000af001210", "hex"), 80),
        ]
      : [streamCommand(1, "pause", 4, null, true, 1), streamCommand(1, "seek", 5, null, 1)]),
    connectionCommand("deleteStream", 6, null, 1),
  ];
  const bytesOf = (messages: readonly RtmpMessage[]) =>
    Buffer.concat(messages.map((message) => writeMessage(message, CHUNK)));
  return { opening: bytesOf(opening), rest: bytesOf(rest) };
}

/** A frame as a WebSocket client sends it, of up to 125 bytes. [RFC 6455 §5.2] */
export function webSocketFrame(opcode: number, payload: Buffer): Buffer {
  const mask = Buffer.from([1, 2, 3, 4]);
  const masked = payload.map((byte, at) => byte ^ (mask[at % 4] as number));
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length]), mask, masked]);
}
