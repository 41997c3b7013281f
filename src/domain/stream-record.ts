import type { OriginRecord } from "./origin-record.ts";
import type { StreamKey } from "./stream-key.ts";

/** What feeds the owner of a stream. */
export type StreamKind = "publish" | "ingest";

/** Who owns a stream. Valid only while the owner's session lives with the same epoch. */
export interface StreamRecord {
  readonly key: StreamKey;
  /** Name of the owner. */
  readonly origin: string;
  /** Epoch of the owner's session. */
  readonly epoch: number;
  /** Fencing token: grows with every grant of this key. */
  readonly token: number;
  readonly kind: StreamKind;
  /** When this ownership began: ms since 1970, Redis time. */
  readonly since: number;
  /** Address of the encoder, or URL of the source without credentials. */
  readonly publisher: string;
  /** Such as `avc1,mp4a`; empty until the first sequence headers arrived. */
  readonly codecs: string;
  /** Origin that lost the stream to this one, or empty. */
  readonly previous: string;
  /** Take-overs in a row, each soon after the one before; 0 when the last one is long ago. */
  readonly takeovers: number;
  /** Order of the owner's encoder among those of the stream, see {@link rankOf}; 0 where its origin keeps no standbys. */
  readonly rank: number;
  /** Whether the owner's encoder brings nothing: an encoder that stands by elsewhere may go on. */
  readonly stalled: boolean;
}

/** Why an encoder that stood by feeds its stream now. */
export type SwitchReason =
  /** Nobody owned the stream, or the encoder before it at the same origin was gone. */
  | "gone"
  /** The one before brought nothing. */
  | "stalled"
  /** It comes first among those of the stream, and has been steady. */
  | "preferred";

/** A stream together with its owner's live session: the answer to "who owns this?" */
export interface StreamLocation {
  readonly record: StreamRecord;
  readonly owner: OriginRecord;
}

/** An enabled ingest, as far as players are concerned: some origin pulls its source, or will as soon as it can. */
export interface ExpectedIngest {
  /** Pulled only while somebody plays it. */
  readonly onDemand: boolean;
}

/** What there is behind a stream key. */
export interface Whereabouts {
  /** Absent when nobody live owns the stream. */
  readonly location: StreamLocation | undefined;
  /** The enabled ingest that feeds it or, while nobody owns it, should. Not told of what an encoder publishes. */
  readonly ingest: ExpectedIngest | undefined;
}

/** A stream owned by this origin under this token. */
export interface OwnedStream {
  readonly key: StreamKey;
  readonly token: number;
}
