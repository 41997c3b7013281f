import type { HoldfastError } from "../../domain/errors.ts";
import { publicText } from "../../domain/public-text.ts";
import { isAmfObject, type AmfObject, type AmfValue } from "./amf0.ts";
import { encodeAmf0 } from "./amf0-encode.ts";
import { connectionCommand, streamCommand } from "./commands.ts";
import { CHUNK_STREAM, MESSAGE, type RtmpMessage } from "./message.ts";

/** What createStream answers, always: rtmp2src ends only on a StreamEOF of its own stream id. */
export const STREAM_ID = 1;

/** E-RTMP v2, FourCcInfoMask. */
const CAN_FORWARD = 0x04;
/** E-RTMP v2, CapsExMask: this peer sends, or understands, a request to reconnect. */
export const CAN_RECONNECT = 0x01;
/** Multitrack, ModEx, TimestampNanoOffset pass through as they came. */
const CAPABILITIES = CAN_RECONNECT | 0x02 | 0x04 | 0x08;

/** `onStatus` of a message stream. Clients look at `level` and `code`, and wait for ever without a `description`. */
export function status(
  streamId: number,
  level: "status" | "error",
  code: string,
  description: string,
  more: AmfObject = {},
): RtmpMessage {
  return streamCommand(streamId, "onStatus", 0, null, { level, code, description, ...more });
}

/** The success of `connect`. @see {@link enhancedAnswer} */
export function connectAccepted(transaction: number, offer: AmfObject): RtmpMessage {
  const enhanced = enhancedAnswer(offer);
  return connectionCommand(
    "_result",
    transaction,
    { fmsVer: "FMS/3,5,3,888", capabilities: 127, mode: 1, ...enhanced },
    {
      level: "status",
      code: "NetConnection.Connect.Success",
      description: "Connection succeeded.",
      objectEncoding: 0,
      ...enhanced,
    },
  );
}

/**
 * What this origin says to a client's enhanced capabilities: it forwards every codec as it came.
 *
 * Only to clients that ask. The specification speaks of "an Object" of the answer without saying which, so that
 * it goes into both. [E-RTMP v2, Enhancing NetConnection connect Command]
 */
export function enhancedAnswer(offer: AmfObject): AmfObject {
  const answer: AmfObject = {};
  const codecs = offer["fourCcList"];
  if (Array.isArray(codecs))
    answer["fourCcList"] = codecs.filter((codec): codec is string => typeof codec === "string");
  for (const name of ["videoFourCcInfoMap", "audioFourCcInfoMap"]) {
    const map = offer[name];
    if (isAmfObject(map)) answer[name] = forwardAll(map);
  }
  const capabilities = offer["capsEx"];
  if (typeof capabilities === "number") answer["capsEx"] = CAPABILITIES;
  return answer;
}

function forwardAll(map: AmfObject): AmfObject {
  const answer = Object.create(null) as AmfObject;
  for (const codec of Object.keys(map)) answer[codec] = CAN_FORWARD;
  answer["*"] = CAN_FORWARD;
  return answer;
}

/** The success of any other call. */
export function result(transaction: number, ...values: AmfValue[]): RtmpMessage {
  return connectionCommand("_result", transaction, null, ...values);
}

/** The failure of a call. Never for `publish` and `play`: rtmpdump and GStreamer do not see it there. */
export function callFailed(transaction: number, description: string): RtmpMessage {
  return connectionCommand("_error", transaction, null, {
    level: "error",
    code: "NetConnection.Call.Failed",
    description,
  });
}

/** The announcement that `FCPublish`, `FCUnpublish` and `FCSubscribe` ask for: `onFCPublish` … */
export function announcement(name: string, code: string, description: string): RtmpMessage {
  return connectionCommand(name, 0, null, { level: "status", code, description });
}

/** "This player may read raw samples"; Flash waits for it, and every server sends it. */
export function sampleAccess(streamId: number): RtmpMessage {
  return {
    type: MESSAGE.data,
    streamId,
    chunkStreamId: CHUNK_STREAM.stream,
    timestamp: 0,
    payload: encodeAmf0("|RtmpSampleAccess", true, true),
  };
}

/**
 * The refusal of a publish, or its end by this origin. Encoders know BadName and Denied; OBS before its
 * first success shows any other code as "unknown error".
 */
export function publishRefused(streamId: number, error: HoldfastError): RtmpMessage {
  return status(streamId, "error", error.entry.publish, publicText(error), { details: error.code });
}

/**
 * The refusal of a play. librtmp gives up on StreamNotFound and Play.Failed only; `details` has our own code, which
 * tells another origin more than those two.
 */
export function playRefused(streamId: number, error: HoldfastError): RtmpMessage {
  return status(streamId, "error", error.entry.play, publicText(error), { details: error.code });
}
