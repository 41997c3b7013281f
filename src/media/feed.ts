import type { MediaPacket } from "../domain/ports/channel.ts";
import { promisedTracks, type PromisedTracks } from "./codec-metadata.ts";
import { CodecList } from "./codec-list.ts";
import { HeaderCache } from "./header-cache.ts";
import { messageOf, type StreamMessage } from "./message.ts";
import { classify, type PacketInfo } from "./packet.ts";
import { PeerKeyframes, type Classified } from "./peer-keyframes.ts";
import type { Timeline } from "./timeline.ts";
import { VIDEO_GONE, VideoTracks } from "./video-tracks.ts";

/** How long sound waits for a first picture, in ms: by what is known of the video. */
const WAIT = Object.freeze({
  /** Metadata announces sound alone. */
  none: 0,
  /** There was no metadata yet. */
  unknown: 500,
  /** Metadata or a sequence header announces video; encoders do that and then send none. */
  promised: 3_000,
  /** There is video, in the middle of a group. */
  seen: VIDEO_GONE,
});
/** Sound further behind the first keyframe than this has a clock of its own. */
const MOST_LAG = 2_000;
/** A picture shown longer before the keyframe that it follows has a wrong composition time. */
const MOST_LEAD = 2_000;

/**
 * One source's packets on their way into a channel: makes them messages on the channel's timeline.
 *
 * It enters at its first keyframe, metadata and headers first, and drops what came before. A source without video
 * enters with its first sound: at once when its metadata announces no video, after a short wait otherwise. Pictures
 * that cannot be decoded are dropped: those of a track before its first keyframe, those that are shown before the
 * keyframe of the entry (they refer to the group before it), and, when players have begun with the sound because the
 * picture was gone, those before it comes back with a keyframe.
 */
export class Feed {
  readonly #timeline: Timeline;
  readonly #emit: (message: StreamMessage) => void;
  readonly #headers = new HeaderCache();
  readonly #codecs = new CodecList();
  readonly #tracks = new VideoTracks();
  readonly #peers = new PeerKeyframes();
  #entered = false;
  #videoStarted = false;
  #promised: PromisedTracks | undefined;
  #videoHeader = false;
  #lastVideoAt: number | undefined;
  /** When the keyframe of the entry is shown, on the source's clock, until the first picture that is shown after it. */
  #opening: number | undefined;
  #firstSound: { readonly at: number; readonly timestamp: number } | undefined;
  #lastSound: number | undefined;

  constructor(timeline: Timeline, emit: (message: StreamMessage) => void) {
    this.#timeline = timeline;
    this.#emit = emit;
  }

  /** True once something was emitted that a player can begin with. */
  get entered(): boolean {
    return this.#entered;
  }

  /** What a player needs before the first frame. */
  get headers(): readonly StreamMessage[] {
    return this.#headers.list;
  }

  /** Such as `avc1,mp4a`. */
  get codecs(): string {
    return this.#codecs.text;
  }

  /** Take a packet, at `now` ms on the monotonic clock. */
  take(packet: MediaPacket, now: number): void {
    if (packet.payload.length === 0) return;
    const info = classify(packet);
    if (this.#codecs.learn(packet.type, info)) this.#headers.forget(packet.type, info);
    if (packet.type === "video") this.#tracks.hear(info, now);
    const one = { packet, info };
    const start = isKeyframe(one) && this.#tracks.isMain(info, now);
    if (!this.#peers.mayWaitFor(one)) this.#takeAll(this.#peers.release(), now);
    if (isKeyframe(one) && !start && this.#peers.hold(one)) return;
    this.#takeOne(one, now);
    if (start) this.#takeAll(this.#peers.release(), now);
  }

  #takeAll(list: readonly Classified[], now: number): void {
    for (const one of list) this.#takeOne(one, now);
  }

  #takeOne({ packet, info }: Classified, now: number): void {
    if (info.role === "metadata" || info.role === "header") this.#takeHeader(packet, info);
    else if (info.role === "frame" && packet.type === "video") this.#takePicture(packet, info, now);
    else if (info.role === "frame") this.#takeSound(packet, info, now);
    else if (this.#entered) this.#emitNew(packet, this.#present(packet));
  }

  #takeHeader(packet: MediaPacket, info: PacketInfo): void {
    if (info.role === "metadata") this.#promised = promisedTracks(packet.payload) ?? this.#promised;
    if (packet.type === "video") this.#videoHeader = true;
    const message = messageOf(packet, this.#present(packet), true);
    this.#headers.add(message, info);
    if (this.#entered) this.#emit(message);
  }

  #takePicture(packet: MediaPacket, info: PacketInfo, now: number): void {
    this.#lastVideoAt = now;
    const main = this.#tracks.isMain(info, now);
    const start = info.keyframe && main;
    if (!this.#entered) {
      if (start) this.#begin(packet, info, now);
      return;
    }
    if (info.keyframe) this.#tracks.start(info);
    else if (!this.#tracks.canDecode(info, now) || (main && this.#isLeading(packet, info))) return;
    if (start) this.#videoStarted = true;
    this.#emitFrame(packet, info, now, start);
  }

  #begin(packet: MediaPacket, info: PacketInfo, now: number): void {
    this.#videoStarted = true;
    this.#tracks.start(info);
    this.#opening = packet.timestamp + info.compositionTime;
    this.#enter(packet, info, this.#earliest(packet.timestamp), now);
  }

  /** Whether it refers to what its encoder sent before the entry: it is shown before the keyframe that it follows. */
  #isLeading({ timestamp }: MediaPacket, { compositionTime }: PacketInfo): boolean {
    if (this.#opening === undefined) return false;
    const lead = (this.#opening - timestamp - compositionTime) | 0;
    if (lead > 0 && lead <= MOST_LEAD) return true;
    this.#opening = undefined;
    return false;
  }

  #takeSound(packet: MediaPacket, info: PacketInfo, now: number): void {
    const { timestamp } = packet;
    this.#firstSound ??= { at: now, timestamp };
    this.#lastSound = timestamp;
    if (!this.#entered) {
      if (!this.#maySoundBegin(timestamp, now)) return;
      return this.#enter(packet, info, timestamp, now);
    }
    const videoGone = now - (this.#lastVideoAt ?? now) >= VIDEO_GONE;
    if (videoGone) this.#tracks.restart();
    this.#emitFrame(packet, info, now, !this.#videoStarted || videoGone);
  }

  #enter(packet: MediaPacket, info: PacketInfo, first: number, now: number): void {
    this.#entered = true;
    const track = trackOf(packet);
    this.#timeline.enter(first, now, { track, presented: packet.timestamp + info.compositionTime });
    const time = this.#timeline.map(track, packet.timestamp, now, info.compositionTime);
    const headers = this.#headers.list;
    for (const header of headers) this.#emit({ ...header, time });
    this.#emit({ ...messageOf(packet, time, false), startsWith: headers });
  }

  #emitFrame(packet: MediaPacket, info: PacketInfo, now: number, start: boolean): void {
    const time = this.#timeline.map(trackOf(packet), packet.timestamp, now, info.compositionTime);
    const message = messageOf(packet, time, false);
    this.#emit(start ? { ...message, startsWith: this.#headers.list } : message);
  }

  #emitNew(packet: MediaPacket, time: number): void {
    this.#emit(messageOf(packet, time, false));
  }

  /** Channel time of what is no frame. */
  #present({ type, timestamp }: MediaPacket): number {
    return type === "data" ? this.#timeline.mapData(timestamp) : this.#timeline.mapHeader(type);
  }

  /** Where this source's time begins: sound that lags behind the picture must not come before what was played. */
  #earliest(keyframe: number): number {
    if (this.#lastSound === undefined) return keyframe;
    const lag = (keyframe - this.#lastSound) | 0;
    return lag > 0 && lag <= MOST_LAG ? this.#lastSound : keyframe;
  }

  #maySoundBegin(timestamp: number, now: number): boolean {
    const first = this.#firstSound;
    if (!first) return false;
    // A relay hands over in one go what was collected before: that is waiting, too.
    const waited = Math.max(now - first.at, (timestamp - first.timestamp) | 0);
    return waited >= WAIT[this.#videoKnown()];
  }

  #videoKnown(): keyof typeof WAIT {
    if (this.#lastVideoAt !== undefined) return "seen";
    if (this.#videoHeader || this.#promised?.video) return "promised";
    return this.#promised ? "none" : "unknown";
  }
}

function isKeyframe({ packet, info }: Classified): boolean {
  return packet.type === "video" && info.role === "frame" && info.keyframe;
}

function trackOf({ type }: MediaPacket): "audio" | "video" {
  return type === "video" ? "video" : "audio";
}
