import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import { MESSAGE, type RtmpMessage } from "../../src/media/rtmp/message.ts";
import { alone, bytes, hex, nested, raw, send, type HostileInput } from "./hostile-forms.ts";
import { media } from "./wire-session.ts";

const control = (type: number, payload: Buffer): RtmpMessage => ({
  ...media(type, payload),
  streamId: 0,
  chunkStreamId: 2,
});

const CONTROL: readonly HostileInput[] = [
  {
    name: "zero-len-setchunk",
    after: "connect",
    fatal: true,
    send: alone(control(MESSAGE.setChunkSize, Buffer.alloc(0))),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "zero-len-winack",
    after: "connect",
    fatal: true,
    send: alone(control(MESSAGE.windowAckSize, Buffer.alloc(0))),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "zero-len-user-control",
    after: "connect",
    send: alone(control(MESSAGE.userControl, Buffer.alloc(0))),
    ends: "PROTOCOL_VIOLATION",
  },
  { name: "winack-0", after: "connect", send: send(control(MESSAGE.windowAckSize, Buffer.alloc(4))) },
  {
    name: "chunk-size-0",
    after: "connect",
    send: send(control(MESSAGE.setChunkSize, Buffer.alloc(4))),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "chunk-size-2^31",
    after: "connect",
    send: send(control(MESSAGE.setChunkSize, hex("80000000"))),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "chunk-size-2^32-1",
    after: "connect",
    send: send(control(MESSAGE.setChunkSize, hex("ffffffff"))),
    ends: "PROTOCOL_VIOLATION",
  },
];

const CHUNKS: readonly HostileInput[] = [
  { name: "fmt1-first", after: "handshake", send: bytes("43 000000 000004 14") },
  { name: "fmt2-first", after: "handshake", send: bytes("83 000000"), ends: "PROTOCOL_VIOLATION" },
  { name: "fmt3-first", after: "handshake", send: bytes("c3"), ends: "PROTOCOL_VIOLATION" },
  // Chunks of 4,096 bytes are agreed on by then: the first one begins a message of 4,352.
  {
    name: "relen-mid-message",
    after: "publish",
    fatal: true,
    send: bytes(
      `06 000000 001100 09 01000000 ${"17".repeat(4_096)} 46 000000 020000 09 ${"17".repeat(4_096)}` +
        `c6 ${"17".repeat(4_096)}`.repeat(30),
    ),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "relen-shrink-mid",
    after: "publish",
    send: bytes(`06 000000 002000 09 01000000 ${"17".repeat(4_096)} 46 000000 000010 09 ${"17".repeat(16)}`),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "message-16m-before-publish",
    after: "connect",
    send: bytes("06 000000 ffffff 09 01000000 17"),
    ends: "LIMIT_EXCEEDED",
  },
  {
    name: "chunk-streams-many",
    after: "connect",
    send: (client) => {
      for (let id = 10; id < 60; id++) client.send({ ...raw(encodeAmf0("x", 0)), chunkStreamId: id });
    },
    ends: "LIMIT_EXCEEDED",
  },
];

const MEDIA: readonly HostileInput[] = [
  {
    name: "zero-len-video",
    after: "publish",
    fatal: true,
    send: alone(media(MESSAGE.video, Buffer.alloc(0))),
  },
  { name: "zero-len-audio", after: "publish", send: alone(media(MESSAGE.audio, Buffer.alloc(0))) },
  { name: "zero-len-data", after: "publish", fatal: true, send: alone(media(MESSAGE.data, Buffer.alloc(0))) },
  { name: "zero-len-data-amf3", after: "publish", send: alone(media(MESSAGE.dataAmf3, Buffer.alloc(0))) },
  { name: "zero-len-aggregate", after: "publish", send: alone(media(MESSAGE.aggregate, Buffer.alloc(0))) },
  {
    name: "short-video",
    after: "publish",
    send: (client) => {
      for (const text of [
        "17",
        "1700",
        "170000",
        "17000000",
        "1701000000",
        "90",
        "91617631",
        "96",
        "97ff",
        "97ffff",
      ])
        client.send(media(MESSAGE.video, hex(text)));
    },
  },
  {
    name: "short-audio",
    after: "publish",
    send: (client) => {
      for (const text of ["af", "af00", "90", "914f70", "95", "97ff"])
        client.send(media(MESSAGE.audio, hex(text)));
    },
  },
  {
    name: "garbage-metadata",
    after: "publish",
    send: send(
      media(
        MESSAGE.data,
        Buffer.concat([encodeAmf0("@setDataFrame", "onMetaData"), hex("08 ffffffff 0001 61 ee")]),
      ),
    ),
  },
  {
    name: "deep-metadata",
    after: "publish",
    send: send(
      media(MESSAGE.data, Buffer.concat([encodeAmf0("@setDataFrame", "onMetaData"), nested(3_000)])),
    ),
  },
  {
    name: "aggregate-in-aggregate",
    after: "publish",
    send: send(media(MESSAGE.aggregate, hex("16 000000 000000 00 000000 0000000b"))),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "aggregate-cut",
    after: "publish",
    send: send(media(MESSAGE.aggregate, hex("09 00ffff 000000 00 000000"))),
    ends: "PROTOCOL_VIOLATION",
  },
  { name: "shared-object", after: "publish", send: send(media(MESSAGE.sharedObject, Buffer.alloc(5, 0xff))) },
  {
    name: "unknown-types",
    after: "publish",
    send: (client) => {
      for (const type of [0, 7, 10, 14, 21, 23, 0x20, 255]) client.send(media(type, Buffer.alloc(9, 0xff)));
    },
  },
];

/** Protocol control, chunks and media. */
export const HOSTILE_MESSAGES: readonly HostileInput[] = [...CONTROL, ...CHUNKS, ...MEDIA];
