import { fourCcAt } from "./codec.ts";

/** One track of a message. */
export interface PacketTrack {
  /** 0 when the message is not multitrack. */
  readonly id: number;
  readonly codec: string;
}

/** What stands before the body of an Enhanced RTMP message. */
export interface EnhancedHead {
  /** AudioPacketType or VideoPacketType, behind ModEx and multitrack. */
  readonly packetType: number;
  /** At least one. */
  readonly tracks: readonly PacketTrack[];
  /** Where the first track's body begins; at most the payload's length. */
  readonly body: number;
}

/** Numbers that audio and video do not share. */
export interface EnhancedKind {
  readonly type: "audio" | "video";
  readonly multitrack: number;
}

export const ENHANCED_AUDIO: EnhancedKind = Object.freeze({ type: "audio", multitrack: 5 });
export const ENHANCED_VIDEO: EnhancedKind = Object.freeze({ type: "video", multitrack: 6 });

const MOD_EX = 7;
/** The specification has no bound; nobody needs more, and a message may be 16 MB long. */
const MOST_MOD_EX = 16;
const MOST_TRACKS = 256;
const ONE_TRACK = 0;
const MANY_TRACKS = 1;
const MANY_TRACKS_MANY_CODECS = 2;

/**
 * Read the head of an enhanced message: ModEx, multitrack, FourCC.
 *
 * @returns `undefined` when the payload is cut short or breaks a rule
 * @see E-RTMP v2, ExAudioTagHeader, ExVideoTagHeader
 */
export function readEnhancedHead(payload: Buffer, kind: EnhancedKind): EnhancedHead | undefined {
  const base = skipModEx(payload);
  if (!base) return undefined;
  const { packetType, at } = base;
  if (packetType === kind.multitrack) return readMultitrack(payload, kind, at);
  if (at + 4 > payload.length) return undefined;
  return { packetType, tracks: [{ id: 0, codec: fourCcAt(payload, at, kind.type) }], body: at + 4 };
}

/** The packet type behind all ModEx, and where the message goes on; `undefined` when it is cut short. */
export function skipModEx(payload: Buffer): { readonly packetType: number; readonly at: number } | undefined {
  let packetType = (payload[0] ?? 0) & 0x0f;
  let at = 1;
  for (let count = 0; packetType === MOD_EX; count++) {
    if (count >= MOST_MOD_EX || at >= payload.length) return undefined;
    let size = (payload[at] as number) + 1;
    at += 1;
    if (size === 256) {
      if (at + 2 > payload.length) return undefined;
      size = payload.readUInt16BE(at) + 1;
      at += 2;
    }
    at += size;
    if (at >= payload.length) return undefined;
    packetType = (payload[at] as number) & 0x0f;
    at += 1;
  }
  return { packetType, at };
}

function readMultitrack(
  payload: Buffer,
  { type, multitrack }: EnhancedKind,
  start: number,
): EnhancedHead | undefined {
  let at = start;
  if (at >= payload.length) return undefined;
  const layout = (payload[at] as number) >> 4;
  const packetType = (payload[at] as number) & 0x0f;
  at += 1;
  // "This fetch MUST not result in a VideoPacketType.Multitrack"; a ModEx has its place before.
  if (packetType === multitrack || packetType === MOD_EX || layout > MANY_TRACKS_MANY_CODECS)
    return undefined;
  let codec = "";
  if (layout === ONE_TRACK || layout === MANY_TRACKS) {
    if (at + 4 > payload.length) return undefined;
    codec = fourCcAt(payload, at, type);
    at += 4;
  }
  const tracks: PacketTrack[] = [];
  let body = 0;
  while (tracks.length < MOST_TRACKS && (at < payload.length || tracks.length === 0)) {
    const named = layout === MANY_TRACKS_MANY_CODECS ? 4 : 0;
    const sized = layout === ONE_TRACK ? 0 : 3;
    if (at + named + 1 + sized > payload.length) return undefined;
    if (named) codec = fourCcAt(payload, at, type);
    const id = payload[at + named] as number;
    at += named + 1;
    const size = sized ? payload.readUIntBE(at, 3) : payload.length - at;
    at += sized;
    if (at + size > payload.length) return undefined;
    if (tracks.length === 0) body = at;
    tracks.push({ id, codec });
    at += size;
  }
  return at === payload.length ? { packetType, tracks, body } : undefined;
}
