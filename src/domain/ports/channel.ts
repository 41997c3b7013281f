import type { HoldfastError } from "../errors.ts";
import type { StreamKey } from "../stream-key.ts";

/** One message of a stream, as RTMP and FLV share it. */
export interface MediaPacket {
  /** RTMP message type 8, 9, 18; FLV tag type 8, 9, 18. */
  readonly type: "audio" | "video" | "data";
  /** ms on the source's own clock. May start anywhere and wraps at 2^32 where the source does. */
  readonly timestamp: number;
  /** The message's payload: an FLV tag body. Not changed after it was handed over; perhaps a small view of much memory. */
  readonly payload: Buffer;
}

/** What feeds a channel. */
export type SourceKind = "publisher" | "relay" | "ingest";

/** The right to feed a channel, until a newer source replaces it. */
export interface ChannelSource {
  readonly kind: SourceKind;
  /** Fires once: replaced by another source, or the channel ended. The reason is a HoldfastError. */
  readonly closed: AbortSignal;
  /** Hand a packet over. Does nothing once closed. */
  write(packet: MediaPacket): void;
  /** Leave. The channel keeps its subscribers and waits for the next source. */
  detach(): void;
}

/**
 * A source that can stand by, any number of times: it keeps what players need to begin with, within bounds, and feeds
 * them only while it is live. `closed` fires when the channel has ended, not when another source takes its place.
 */
export interface StandbySource extends ChannelSource {
  /** Whether it feeds the channel. */
  readonly live: boolean;
  /** Called when it has brought, standing by, something that players can begin with. */
  onStart: () => void;
  /**
   * Feed the channel from now on, instead of whatever does. Players go on with what it has kept since its last
   * keyframe, if that makes them no later, or at its next one; headers first.
   */
  promote(): void;
  /** Stand by. The channel waits for the next source. */
  demote(): void;
}

/** Bytes on the wire that subscribers of one kind share. */
export type OutputForm = "rtmp" | "flv";

/** Who receives a channel: one player's connection. */
export interface Subscriber {
  readonly form: OutputForm;
  /** Bytes accepted by `write` that the peer's socket has not taken yet. */
  readonly backlog: number;
  /** The player wants nothing for now. It goes on at the next keyframe after, and is not given up meanwhile. */
  readonly paused?: boolean;
  /** Send a batch of whole messages. The buffer is shared with other subscribers: never change it. */
  write(batch: Buffer): void;
  /** The channel ended (`STREAM_ENDED`), or dropped this subscriber (`SLOW_READER`). Called once. */
  end(reason: HoldfastError): void;
}

export interface Subscription {
  /** Leave; `end` is not called. */
  close(): void;
}

/** One stream inside one origin. Outlives its source; sources are swapped under its subscribers. */
export interface Channel {
  readonly key: StreamKey;
  readonly source: SourceKind | undefined;
  readonly subscribers: number;
  /** True when the present source has delivered something a player can start with. */
  readonly ready: boolean;
  readonly ended: boolean;
  /** Such as `avc1,mp4a`; empty before the first headers. */
  readonly codecs: string;
  /** Feed this channel from now on. The source before is closed with `STREAM_TAKEN_OVER`. */
  attach(kind: SourceKind): ChannelSource;
  /** A source beside the one that feeds this channel; it stands by until it is promoted. */
  prepare(kind: SourceKind): StandbySource;
  /** @throws HoldfastError `STREAM_ENDED` */
  subscribe(subscriber: Subscriber): Subscription;
  /** Resolves when `ready`; rejects with the signal's reason, or `STREAM_ENDED`. */
  whenReady(signal: AbortSignal): Promise<void>;
  /** Tell every subscriber that the stream is over, and forget them. */
  end(reason: HoldfastError): void;
  /** ms on the monotonic clock of the last packet; the time of `attach` before the first one. */
  readonly lastPacketAt: number;
  /** Called with the new number whenever subscribers come or go. Returns an undo. */
  onSubscribers(listener: (count: number) => void): () => void;
  /** Called when the codecs change. Returns an undo. */
  onCodecs(listener: (codecs: string) => void): () => void;
}

/** The channels of one origin. */
export interface Channels {
  get(key: StreamKey): Channel | undefined;
  /** The channel of this key, made if there is none. An ended channel is replaced by a new one. */
  open(key: StreamKey): Channel;
  all(): readonly Channel[];
}
