import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import type { AmfValue } from "../../src/media/rtmp/amf0.ts";
import { connectionCommand, streamCommand } from "../../src/media/rtmp/commands.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { alone, hex, nested, raw, send, type HostileInput } from "./hostile-forms.ts";
import { HOSTILE_MESSAGES } from "./hostile-messages.ts";

const tell = (name: string, ...args: AmfValue[]) => send(streamCommand(1, name, 9, ...args));
const connectWith = (...args: AmfValue[]) => send(connectionCommand("connect", 1, ...args));
/** A command and the AMF of its argument. */
const argument = (amf: Buffer) => raw(Buffer.concat([encodeAmf0("createStream", 0), amf]));

const CONNECT: readonly HostileInput[] = [
  { name: "connect-no-tcUrl", after: "handshake", fatal: true, send: connectWith({ app: "live" }) },
  {
    name: "connect-bad-tcUrl",
    after: "handshake",
    fatal: true,
    send: connectWith({ app: "live", tcUrl: "no url : at all" }),
  },
  { name: "connect-no-object", after: "handshake", fatal: true, send: connectWith() },
];

const AMF: readonly HostileInput[] = [
  {
    name: "amf-truncated",
    after: "connect",
    fatal: true,
    send: send(argument(hex("00 40"))),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "amf-unknown-marker",
    after: "connect",
    fatal: true,
    send: send(argument(hex("ee"))),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "amf-deep-nesting",
    after: "connect",
    fatal: true,
    send: send(argument(nested(3_000))),
    ends: "LIMIT_EXCEEDED",
  },
  {
    name: "amf-deep-quadratic",
    after: "connect",
    send: send(argument(Buffer.concat(Array.from({ length: 8_000 }, () => hex("0a 00000001"))))),
    ends: "LIMIT_EXCEEDED",
  },
  {
    name: "amf-sarray-4g",
    after: "connect",
    fatal: true,
    send: send(argument(hex("0a ffffffff 05"))),
    ends: "LIMIT_EXCEEDED",
  },
  {
    name: "amf-string-4g",
    after: "connect",
    send: send(argument(hex("0c ffffffff 41"))),
    ends: "LIMIT_EXCEEDED",
  },
  {
    name: "amf-reference",
    after: "connect",
    send: send(argument(hex("07 0000"))),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "amf3-value",
    after: "connect",
    send: send(argument(hex("11 0a0b01"))),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "cmd-empty-payload",
    after: "connect",
    fatal: true,
    send: alone(raw(Buffer.alloc(0))),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "amf3-cmd-empty",
    after: "connect",
    fatal: true,
    send: alone(raw(Buffer.alloc(0), MESSAGE.commandAmf3)),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "cmd-name-number",
    after: "connect",
    send: send(raw(encodeAmf0(7, 1))),
    ends: "PROTOCOL_VIOLATION",
  },
  { name: "cmd-name-constructor", after: "connect", fatal: true, send: tell("constructor", null) },
  { name: "cmd-name-proto", after: "connect", send: tell("__proto__", null) },
  {
    name: "cmd-args-proto",
    after: "connect",
    send: send(argument(hex("03 0009 5f5f70726f746f5f5f 03 0001 61 05 000009 000009"))),
  },
];

const NAMES: readonly HostileInput[] = [
  {
    name: "publish-no-name",
    after: "connect",
    fatal: true,
    send: tell("publish", null),
    ends: "STREAM_NAME_INVALID",
    told: "NetStream.Publish.BadName",
  },
  {
    name: "publish-name-number",
    after: "connect",
    fatal: true,
    send: tell("publish", null, 7, "live"),
    ends: "STREAM_NAME_INVALID",
    told: "NetStream.Publish.BadName",
  },
  {
    name: "publish-name-control",
    after: "connect",
    send: tell("publish", null, "a\u0000b", "live"),
    ends: "STREAM_NAME_INVALID",
    told: "NetStream.Publish.BadName",
  },
  {
    name: "publish-name-dots",
    after: "connect",
    send: tell("publish", null, "../../etc", "live"),
    ends: "STREAM_NAME_INVALID",
    told: "NetStream.Publish.BadName",
  },
  {
    name: "play-no-name",
    after: "connect",
    fatal: true,
    send: tell("play", null),
    ends: "STREAM_NAME_INVALID",
    told: "NetStream.Play.StreamNotFound",
  },
  {
    name: "play-unknown",
    after: "connect",
    send: tell("play", null, "nobody"),
    ends: "STREAM_NOT_FOUND",
    told: "NetStream.Play.StreamNotFound",
  },
  {
    name: "publish-without-connect",
    after: "handshake",
    send: tell("publish", null, "early", "live"),
    ends: "PROTOCOL_VIOLATION",
  },
  {
    name: "dup-sign-query",
    after: "connect",
    send: tell("publish", null, "signed?sign=1-a&sign=1-b", "live"),
  },
];

/** All of them. */
export const HOSTILE_INPUTS: readonly HostileInput[] = [...CONNECT, ...AMF, ...NAMES, ...HOSTILE_MESSAGES];
