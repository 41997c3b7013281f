import { createHash } from "node:crypto";
import type { FlvTag } from "./flv-file.ts";

/** What a tag is for. */
export type TagRole = "metadata" | "header" | "frame" | "end";

export interface TagMeaning {
  readonly role: TagRole;
  readonly track: "audio" | "video" | "data";
  /** FourCC, also for the classic codec ids: avc1, hvc1, mp4a …; `onMetaData` for metadata. */
  readonly codec: string;
  readonly key: boolean;
  /** Presentation minus decoding time in ms. */
  readonly cts: number;
  /** The coded frame or configuration, without any FLV framing. */
  readonly payload: Buffer;
}

/** One coded frame on its way: what has to arrive once, in order, with the same bytes. */
export interface MediaUnit {
  readonly track: "audio" | "video";
  readonly dts: number;
  readonly cts: number;
  readonly key: boolean;
  /** SHA-1 of the coded frame without FLV framing, so that remuxed copies compare equal. */
  readonly hash: string;
}

const CLASSIC_VIDEO: Readonly<Record<number, string>> = { 7: "avc1", 12: "hvc1" };
const CLASSIC_AUDIO: Readonly<Record<number, string>> = { 2: "mp3 ", 10: "mp4a" };
const WITH_COMPOSITION_TIME = new Set(["avc1", "hvc1"]);

/** What a tag says. Classic and Enhanced RTMP; multitrack and ModEx are not looked into. */
export function meaningOf(tag: FlvTag): TagMeaning {
  if (tag.type === 18) return { ...nothing("metadata", "data", metadataName(tag.body)), payload: tag.body };
  return tag.type === 9 ? videoMeaning(tag.body) : audioMeaning(tag.body);
}

/** The frames of a list of tags: no metadata, no headers, no end markers. */
export function unitsOf(tags: readonly FlvTag[]): MediaUnit[] {
  return tags.flatMap((tag) => unitOf(tag) ?? []);
}

/** The frame in a tag; `undefined` when there is none. */
export function unitOf(tag: FlvTag): MediaUnit | undefined {
  const meaning = meaningOf(tag);
  if (meaning.role !== "frame" || meaning.track === "data") return undefined;
  const { track, cts, key } = meaning;
  return { track, dts: tag.timestamp, cts, key, hash: hashOf(meaning.payload) };
}

/** SHA-1 in hex: how frames are told apart. */
export function hashOf(payload: Buffer): string {
  return createHash("sha1").update(payload).digest("hex");
}

// Adobe Flash Video File Format 10.1, E.4.3; Enhanced RTMP v2, "Enhanced Video".
function videoMeaning(body: Buffer): TagMeaning {
  const first = body[0] ?? 0;
  const key = ((first >> 4) & 7) === 1;
  if ((first & 0x80) === 0) {
    const codec = CLASSIC_VIDEO[first & 15] ?? `video${first & 15}`;
    const role = (["header", "frame", "end"] as const)[body[1] ?? 0] ?? "end";
    return { role, track: "video", codec, key, cts: signed24(body, 2), payload: body.subarray(5) };
  }
  const codec = body.toString("latin1", 1, 5);
  switch (first & 15) {
    case 0:
      return { role: "header", track: "video", codec, key, cts: 0, payload: body.subarray(5) };
    case 1: {
      const withTime = WITH_COMPOSITION_TIME.has(codec);
      const cts = withTime ? signed24(body, 5) : 0;
      return { role: "frame", track: "video", codec, key, cts, payload: body.subarray(withTime ? 8 : 5) };
    }
    case 3:
      return { role: "frame", track: "video", codec, key, cts: 0, payload: body.subarray(5) };
    case 2:
      return nothing("end", "video", codec);
    default:
      return { ...nothing("metadata", "video", codec), payload: body.subarray(5) };
  }
}

// E.4.2; Enhanced RTMP v2, "Enhanced Audio".
function audioMeaning(body: Buffer): TagMeaning {
  const format = (body[0] ?? 0) >> 4;
  if (format !== 9) {
    const codec = CLASSIC_AUDIO[format] ?? `audio${format}`;
    const header = format === 10 && body[1] === 0;
    const payload = body.subarray(format === 10 ? 2 : 1);
    return { role: header ? "header" : "frame", track: "audio", codec, key: true, cts: 0, payload };
  }
  const codec = body.toString("latin1", 1, 5);
  const type = (body[0] as number) & 15;
  if (type === 0 || type === 1)
    return {
      role: type === 0 ? "header" : "frame",
      track: "audio",
      codec,
      key: true,
      cts: 0,
      payload: body.subarray(5),
    };
  return nothing(type === 2 ? "end" : "metadata", "audio", codec);
}

function nothing(role: TagRole, track: TagMeaning["track"], codec: string): TagMeaning {
  return { role, track, codec, key: false, cts: 0, payload: Buffer.alloc(0) };
}

function signed24(body: Buffer, offset: number): number {
  return body.length < offset + 3 ? 0 : body.readIntBE(offset, 3);
}

function metadataName(body: Buffer): string {
  const size = body.length >= 3 && body[0] === 2 ? body.readUInt16BE(1) : 0;
  return body.toString("utf8", 3, 3 + size);
}
