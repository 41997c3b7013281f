import { HoldfastError } from "../../domain/errors.ts";
import { decodeAmf0, type AmfLimits } from "./amf0-decode.ts";
import { encodeAmf0 } from "./amf0-encode.ts";
import type { AmfValue } from "./amf0.ts";
import { CHUNK_STREAM, MESSAGE, type RtmpMessage } from "./message.ts";

/** A command as it came: `connect`, `publish`, `_result`, `onStatus` … [RTMP 1.0 §7.2] */
export interface RtmpCommand {
  readonly name: string;
  /** 0 when no answer is wanted. */
  readonly transaction: number;
  /** What follows the transaction; the first is the command object, mostly null. */
  readonly args: readonly AmfValue[];
}

/** Whether the message is a command, in AMF0 or in the AMF3 wrapper. */
export function isCommand(message: RtmpMessage): boolean {
  return message.type === MESSAGE.command || message.type === MESSAGE.commandAmf3;
}

/** Whether the message is data (`onMetaData`, `@setDataFrame` …), in AMF0 or in the AMF3 wrapper. */
export function isData(message: RtmpMessage): boolean {
  return message.type === MESSAGE.data || message.type === MESSAGE.dataAmf3;
}

/**
 * Read a command, type 20 or 17. A missing transaction counts as 0: some encoders leave it out.
 *
 * @throws HoldfastError `PROTOCOL_VIOLATION`, `LIMIT_EXCEEDED`
 */
export function decodeCommand(message: RtmpMessage, limits: AmfLimits): RtmpCommand {
  const [name, transaction, ...args] = decodeAmf0(amf0Part(message), limits);
  if (typeof name !== "string" || name === "")
    throw new HoldfastError("PROTOCOL_VIOLATION", { detail: "a command has no name" });
  return { name, transaction: typeof transaction === "number" ? transaction : 0, args };
}

/**
 * The AMF0 bytes of a command or data message. Types 17 and 15 begin with a format byte, 0 for AMF0, which some
 * clients forget. [RTMP 1.0 §7.1.1; nginx-rtmp and SRS read them the same way]
 */
export function amf0Part(message: RtmpMessage): Buffer {
  const { payload, type } = message;
  const wrapped = type === MESSAGE.commandAmf3 || type === MESSAGE.dataAmf3;
  return wrapped && payload[0] === 0 ? payload.subarray(1) : payload;
}

/** A command of the connection (message stream 0), in AMF0. */
export function connectionCommand(name: string, transaction: number, ...args: AmfValue[]): RtmpMessage {
  return command(CHUNK_STREAM.command, 0, encodeAmf0(name, transaction, ...args));
}

/** A command of a message stream, in AMF0: `publish`, `play`, `onStatus`. */
export function streamCommand(
  streamId: number,
  name: string,
  transaction: number,
  ...args: AmfValue[]
): RtmpMessage {
  return command(CHUNK_STREAM.stream, streamId, encodeAmf0(name, transaction, ...args));
}

function command(chunkStreamId: number, streamId: number, payload: Buffer): RtmpMessage {
  return { type: MESSAGE.command, streamId, chunkStreamId, timestamp: 0, payload };
}
