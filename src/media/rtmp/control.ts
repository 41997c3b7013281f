import { HoldfastError } from "../../domain/errors.ts";
import { writeMessage } from "./chunk-writer.ts";
import { CHUNK_STREAM, DEFAULT_CHUNK_SIZE, MAX_CHUNK_SIZE, MESSAGE, type RtmpMessage } from "./message.ts";

/** User control events. [RTMP 1.0 §7.1.7] */
const EVENT = Object.freeze({
  streamBegin: 0,
  streamEof: 1,
  streamDry: 2,
  setBufferLength: 3,
  streamIsRecorded: 4,
  pingRequest: 6,
  pingResponse: 7,
});

/** A user control message, read. Everything else that peers invent is `other`. */
export type UserControl =
  | {
      readonly event: "streamBegin" | "streamEof" | "streamDry" | "streamIsRecorded";
      readonly streamId: number;
    }
  | { readonly event: "setBufferLength"; readonly streamId: number; readonly ms: number }
  | { readonly event: "pingRequest" | "pingResponse"; readonly time: number }
  | { readonly event: "other"; readonly type: number };

// Control messages fit into one chunk of the smallest usual size, so the writers below need no chunk size.

/** Bytes of Set Chunk Size: chunks after this one are up to `bytes` long. */
export const setChunkSize = (bytes: number): Buffer => numbers(MESSAGE.setChunkSize, bytes);

/** Bytes of Window Acknowledgement Size: "acknowledge every `bytes`". */
export const windowAckSize = (bytes: number): Buffer => numbers(MESSAGE.windowAckSize, bytes);

/** Bytes of Acknowledgement. `received` counts all bytes of the connection and wraps at 2^32. */
export const acknowledgement = (received: number): Buffer => numbers(MESSAGE.acknowledgement, received);

/** Bytes of Set Peer Bandwidth with limit type "dynamic", as FMS sends it. */
export function setPeerBandwidth(bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(5);
  payload.writeUInt32BE(bytes >>> 0, 0);
  payload[4] = 2;
  return control(MESSAGE.setPeerBandwidth, payload);
}

export const streamBegin = (streamId: number): Buffer => userControl(EVENT.streamBegin, streamId);
/** The one thing that ends rtmp2src; its stream id must be the play's. */
export const streamEof = (streamId: number): Buffer => userControl(EVENT.streamEof, streamId);
export const setBufferLength = (streamId: number, ms: number): Buffer =>
  userControl(EVENT.setBufferLength, streamId, ms);
export const pingRequest = (time: number): Buffer => userControl(EVENT.pingRequest, time);
export const pingResponse = (time: number): Buffer => userControl(EVENT.pingResponse, time);

/**
 * Read a user control message (type 4).
 *
 * @throws HoldfastError `PROTOCOL_VIOLATION` when it is too short for its event
 */
export function readUserControl(message: RtmpMessage): UserControl {
  const { payload } = message;
  if (payload.length < 2) throw tooShort();
  const type = payload.readUInt16BE(0);
  switch (type) {
    case EVENT.streamBegin:
      return { event: "streamBegin", streamId: number(payload, 2) };
    case EVENT.streamEof:
      return { event: "streamEof", streamId: number(payload, 2) };
    case EVENT.streamDry:
      return { event: "streamDry", streamId: number(payload, 2) };
    case EVENT.streamIsRecorded:
      return { event: "streamIsRecorded", streamId: number(payload, 2) };
    case EVENT.setBufferLength:
      return { event: "setBufferLength", streamId: number(payload, 2), ms: number(payload, 6) };
    case EVENT.pingRequest:
      return { event: "pingRequest", time: number(payload, 2) };
    case EVENT.pingResponse:
      return { event: "pingResponse", time: number(payload, 2) };
    default:
      return { event: "other", type };
  }
}

/**
 * The number of an Acknowledgement, Window Acknowledgement Size or Set Peer Bandwidth (types 3, 5, 6).
 *
 * @throws HoldfastError `PROTOCOL_VIOLATION` when it is shorter than four bytes
 */
export function readControlNumber(message: RtmpMessage): number {
  return number(message.payload, 0);
}

/**
 * The size of Set Chunk Size (type 1). [RTMP 1.0 §5.4.1]
 *
 * @throws HoldfastError `PROTOCOL_VIOLATION` when it is missing, 0, or has the highest bit set
 */
export function readChunkSize(message: RtmpMessage): number {
  const size = readControlNumber(message);
  if (size >= 1 && size <= MAX_CHUNK_SIZE) return size;
  throw new HoldfastError("PROTOCOL_VIOLATION", { detail: "the chunk size is not between 1 and 2^31 - 1" });
}

function number(payload: Buffer, at: number): number {
  if (payload.length < at + 4) throw tooShort();
  return payload.readUInt32BE(at);
}

function tooShort(): HoldfastError {
  return new HoldfastError("PROTOCOL_VIOLATION", { detail: "a control message is too short" });
}

function userControl(event: number, ...values: number[]): Buffer {
  const payload = Buffer.allocUnsafe(2 + 4 * values.length);
  payload.writeUInt16BE(event, 0);
  values.forEach((value, index) => payload.writeUInt32BE(value >>> 0, 2 + 4 * index));
  return control(MESSAGE.userControl, payload);
}

function numbers(type: number, value: number): Buffer {
  const payload = Buffer.allocUnsafe(4);
  payload.writeUInt32BE(value >>> 0, 0);
  return control(type, payload);
}

function control(type: number, payload: Buffer): Buffer {
  return writeMessage(
    { type, streamId: 0, chunkStreamId: CHUNK_STREAM.control, timestamp: 0, payload },
    DEFAULT_CHUNK_SIZE,
  );
}
