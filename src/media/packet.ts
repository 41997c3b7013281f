import type { MediaPacket } from "../domain/ports/channel.ts";
import { classicAudioCodec, classicVideoCodec } from "./codec.ts";
import {
  ENHANCED_AUDIO,
  ENHANCED_VIDEO,
  readEnhancedHead,
  skipModEx,
  type PacketTrack,
} from "./codec-enhanced.ts";

/**
 * What a packet is for.
 *
 * `metadata`: onMetaData. `header`: what a decoder needs before the first frame of a track. `frame`: coded media.
 * `end`: a track ends here. `other`: data, commands, and what cannot be understood; it is passed on, no more.
 */
export type PacketRole = "metadata" | "header" | "frame" | "end" | "other";

/** Which header of a track: a newer one of the same slot takes its place. */
export type HeaderSlot = "sequence" | "config";

export interface PacketInfo {
  readonly role: PacketRole;
  /** Only with `header`. `sequence`: the sequence header. `config`: HDR colours, channel layout. */
  readonly slot?: HeaderSlot;
  /** A decoder of these video tracks can start with this frame. */
  readonly keyframe: boolean;
  /** Empty for `metadata` and `other`. */
  readonly tracks: readonly PacketTrack[];
  /** Presentation minus decoding time of the first track, in ms. */
  readonly compositionTime: number;
}

const NO_TRACKS: readonly PacketTrack[] = Object.freeze([]);
/** Of the classic forms, by their four bits: a stream has some 70 packets a second, and all of one name. */
const VIDEO_TRACKS = Array.from({ length: 16 }, (_, id) => single(classicVideoCodec(id)));
const AUDIO_FRAMES = Array.from({ length: 16 }, (_, format): PacketInfo =>
  Object.freeze({
    role: "frame",
    keyframe: false,
    tracks: single(classicAudioCodec(format)),
    compositionTime: 0,
  }),
);
const OTHER: PacketInfo = Object.freeze({
  role: "other",
  keyframe: false,
  tracks: NO_TRACKS,
  compositionTime: 0,
});
const METADATA: PacketInfo = Object.freeze({ ...OTHER, role: "metadata" });
const ON_METADATA = Buffer.from("\u0002\u0000\u000aonMetaData", "latin1");

const FRAME_KEY = 1;
const FRAME_GENERATED_KEY = 4;
const FRAME_COMMAND = 5;

const SEQUENCE_START = 0;
const CODED_FRAMES = 1;
const SEQUENCE_END = 2;
const VIDEO_CODED_FRAMES_X = 3;
const VIDEO_METADATA = 4;
const VIDEO_MPEG2TS_SEQUENCE_START = 5;
const AUDIO_MULTICHANNEL_CONFIG = 4;

/** These have a composition time in front of coded frames. [E-RTMP v2, ExVideoTagBody] */
const TIMED: ReadonlySet<string> = new Set(["avc1", "hvc1", "vvc1"]);
/** The codecs whose classic form has a packet type and a composition time, as AVC. */
const CLASSIC_WITH_PACKET_TYPE: ReadonlySet<string> = new Set(["avc1", "hvc1"]);

/**
 * Tell what a packet is, from its first bytes, without copying. Never throws, whatever the payload holds.
 *
 * @see FLV 10.1 §E.4.2, §E.4.3; E-RTMP v2, "Enhanced Audio", "Enhanced Video"
 */
export function classify(packet: MediaPacket): PacketInfo {
  const { type, payload } = packet;
  if (payload.length === 0) return OTHER;
  if (type === "video") return classifyVideo(payload);
  if (type === "audio") return classifyAudio(payload);
  const named =
    payload.length >= ON_METADATA.length && payload.subarray(0, ON_METADATA.length).equals(ON_METADATA);
  return named ? METADATA : OTHER;
}

function classifyVideo(payload: Buffer): PacketInfo {
  const first = payload[0] as number;
  const frameType = (first >> 4) & 0x07;
  const keyframe = frameType === FRAME_KEY || frameType === FRAME_GENERATED_KEY;
  if ((first & 0x80) !== 0) return classifyEnhancedVideo(payload, frameType, keyframe);
  // A command says something to the player of a recording; there is no picture in it.
  if (frameType === FRAME_COMMAND) return OTHER;
  const tracks = VIDEO_TRACKS[first & 0x0f] as readonly [PacketTrack];
  if (!CLASSIC_WITH_PACKET_TYPE.has(tracks[0].codec))
    return payload.length > 1 ? { role: "frame", keyframe, tracks, compositionTime: 0 } : OTHER;
  const packetType = payload[1];
  if (packetType === SEQUENCE_END) return { role: "end", keyframe: false, tracks, compositionTime: 0 };
  if (payload.length <= 5) return OTHER;
  if (packetType === SEQUENCE_START) return headerOf(tracks, "sequence");
  if (packetType !== CODED_FRAMES) return OTHER;
  return { role: "frame", keyframe, tracks, compositionTime: payload.readIntBE(2, 3) };
}

function classifyEnhancedVideo(payload: Buffer, frameType: number, keyframe: boolean): PacketInfo {
  // A command has a byte where the FourCC would be; Metadata alone ignores the frame type.
  if (frameType === FRAME_COMMAND && skipModEx(payload)?.packetType !== VIDEO_METADATA) return OTHER;
  const head = readEnhancedHead(payload, ENHANCED_VIDEO);
  if (!head) return OTHER;
  const { packetType, tracks, body } = head;
  switch (packetType) {
    case SEQUENCE_START:
    case VIDEO_MPEG2TS_SEQUENCE_START:
      return headerOf(tracks, "sequence");
    case VIDEO_METADATA:
      return headerOf(tracks, "config");
    case SEQUENCE_END:
      return { role: "end", keyframe: false, tracks, compositionTime: 0 };
    case CODED_FRAMES:
    case VIDEO_CODED_FRAMES_X: {
      const timed = packetType === CODED_FRAMES && TIMED.has(tracks[0]?.codec ?? "");
      if (payload.length <= body + (timed ? 3 : 0)) return OTHER;
      return { role: "frame", keyframe, tracks, compositionTime: timed ? payload.readIntBE(body, 3) : 0 };
    }
    default:
      return OTHER;
  }
}

function classifyAudio(payload: Buffer): PacketInfo {
  const format = (payload[0] as number) >> 4;
  if (format === 9) return classifyEnhancedAudio(payload);
  const frame = AUDIO_FRAMES[format] as PacketInfo;
  const { tracks } = frame;
  if (tracks[0]?.codec !== "mp4a") return payload.length > 1 ? frame : OTHER;
  if (payload.length <= 2) return OTHER;
  if (payload[1] === SEQUENCE_START) return headerOf(tracks, "sequence");
  return payload[1] === CODED_FRAMES ? frame : OTHER;
}

function classifyEnhancedAudio(payload: Buffer): PacketInfo {
  const head = readEnhancedHead(payload, ENHANCED_AUDIO);
  if (!head) return OTHER;
  const { packetType, tracks, body } = head;
  switch (packetType) {
    case SEQUENCE_START:
      return headerOf(tracks, "sequence");
    case AUDIO_MULTICHANNEL_CONFIG:
      return headerOf(tracks, "config");
    case SEQUENCE_END:
      return { role: "end", keyframe: false, tracks, compositionTime: 0 };
    case CODED_FRAMES:
      return payload.length > body ? { role: "frame", keyframe: false, tracks, compositionTime: 0 } : OTHER;
    default:
      return OTHER;
  }
}

function headerOf(tracks: readonly PacketTrack[], slot: HeaderSlot): PacketInfo {
  return { role: "header", slot, keyframe: false, tracks, compositionTime: 0 };
}

function single(codec: string): readonly [PacketTrack] {
  return Object.freeze([Object.freeze({ id: 0, codec })] as const);
}
