import logger from "node-media-server/src/core/logger.js";
import RtcpParser from "node-media-server/src/protocol/rtcp.js";
import RtpParser from "node-media-server/src/protocol/rtp.js";
import SdpParser from "node-media-server/src/protocol/sdp.js";

/**
 * The parts of node-media-server that Holdfast builds on, and the only file that knows them. What else it has for RTSP
 * cannot be used: decision 24 says why.
 */

/** One `m=` of a session description. */
export interface SdpMedia {
  readonly kind: string;
  /** Upper case, such as `H264` or `MPEG4-GENERIC`; empty when nothing names it. */
  readonly codec: string;
  readonly payloadType: number;
  /** Hz; 0 when nothing tells. */
  readonly clockRate: number;
  /** Format parameters; names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
  readonly control: string;
  readonly inactive: boolean;
}

export interface SessionDescription {
  /** Of the whole presentation; empty when there is none. */
  readonly control: string;
  readonly media: readonly SdpMedia[];
}

export interface RtpPacket {
  readonly marker: boolean;
  readonly payloadType: number;
  readonly sequenceNumber: number;
  readonly timestamp: number;
  readonly ssrc: number;
  /** A part of what was read: copy what is kept. */
  readonly payload: Buffer;
}

/** When a source says that an RTP timestamp was. */
export interface SenderReport {
  readonly ssrc: number;
  /** ms on the source's wall clock. */
  readonly wallTime: number;
  readonly rtpTime: number;
}

/** Cameras have two to four; the rest would only cost time. */
const MOST_MEDIA = 32;
const RTCP_SENDER_REPORT = 200;
const RTCP_BYE = 203;
/** Static payload types of RFC 3551 that cameras use without an rtpmap. */
const STATIC_CODECS: Readonly<Record<number, string>> = Object.freeze({
  0: "PCMU",
  8: "PCMA",
  9: "G722",
  14: "MPA",
  26: "JPEG",
  33: "MP2T",
});

/** Read a session description. @see RFC 4566 */
export function readSdp(text: string): SessionDescription {
  // Its own log goes to the console and begins at "debug".
  logger.level = "error";
  const session = SdpParser.parse(text);
  const media = (session?.media ?? []).slice(0, MOST_MEDIA).map((entry) => ({
    kind: entry.type,
    codec: entry.codec === "" ? (STATIC_CODECS[entry.payloadType] ?? "") : entry.codec,
    payloadType: entry.payloadType,
    clockRate: entry.clockRate,
    parameters: new Map(Object.entries(entry.fmtp).map(([name, value]) => [name.toLowerCase(), value])),
    control: entry.control,
    inactive: entry.direction === "inactive",
  }));
  return { control: session?.attributes["control"] ?? "", media };
}

/** Read an RTP packet; `undefined` when it is none. @see RFC 3550 §5.1 */
export function readRtp(data: Buffer): RtpPacket | undefined {
  return RtpParser.parse(data) ?? undefined;
}

/** From one sequence number to another, either way round: -32,768 to 32,768. */
export function sequenceStep(before: number, now: number): number {
  return RtpParser.seqDiff(before, now);
}

/** From one RTP timestamp to another, either way round, in ticks. */
export function timestampStep(before: number, now: number): number {
  return RtpParser.timestampDiff(before, now);
}

/** What an RTCP packet tells of time, and whether it says goodbye. A damaged one says nothing. @see RFC 3550 §6 */
export function readRtcp(data: Buffer): { readonly reports: readonly SenderReport[]; readonly bye: boolean } {
  try {
    const packets = RtcpParser.parseCompound(data);
    const reports = packets.flatMap(({ type, ssrc, ntpTimestampMsw, ntpTimestampLsw, rtpTimestamp }) =>
      type === RTCP_SENDER_REPORT && ntpTimestampMsw
        ? [
            {
              ssrc: ssrc ?? 0,
              wallTime: ntpTimestampMsw * 1_000 + ((ntpTimestampLsw ?? 0) * 1_000) / 2 ** 32,
              rtpTime: rtpTimestamp ?? 0,
            },
          ]
        : [],
    );
    return { reports, bye: packets.some(({ type }) => type === RTCP_BYE) };
  } catch {
    return { reports: [], bye: false };
  }
}

/** A receiver report without figures: over TCP nothing is lost on the way, but some cameras want to hear something. */
export function receiverReport(ssrc: number): Buffer {
  return RtcpParser.buildEmptyReceiverReport(ssrc);
}
