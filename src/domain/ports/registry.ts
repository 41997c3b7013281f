import type { OriginDescription, OriginRecord, OriginState, SessionRef } from "../origin-record.ts";
import type { IngestRegistry } from "./ingest-registry.ts";
import type { StreamKey } from "../stream-key.ts";
import type {
  OwnedStream,
  StreamKind,
  StreamLocation,
  StreamRecord,
  SwitchReason,
  Whereabouts,
} from "../stream-record.ts";

export interface RegisterOptions {
  readonly ttlMs: number;
  /** Instance whose live session may be replaced: the caller has proven that it is gone. */
  readonly replaceInstance?: string;
  /** Highest token or epoch this process has ever seen; the registry never gives a lower one again. */
  readonly seenToken: number;
}

export type RegisterResult =
  | { readonly outcome: "registered"; readonly epoch: number; readonly timeMs: number }
  | { readonly outcome: "conflict"; readonly holder: OriginRecord; readonly ttlMs: number };

export interface HeartbeatUpdate {
  readonly ttlMs: number;
  readonly beat: number;
  readonly state: OriginState;
  readonly load: number;
  readonly streams: number;
  /** Losses that this origin has acted on. */
  readonly acknowledged: readonly OwnedStream[];
}

/** The session of a process that may be dead, and the beat by which it would prove that it lives. */
export interface Suspicion {
  readonly epoch: number;
  readonly beat: number;
}

/** What operators want of an origin, told with every renewal: whoever acts on it tells new from old. */
export interface Wishes {
  /** The last wish for its state. Its number is greater than that of any wish before. */
  readonly wish: { readonly number: number; readonly state: OriginState } | undefined;
  /** Streams whose encoder is to be disconnected, if the token is still the present one. */
  readonly kicks: readonly OwnedStream[];
}

export type HeartbeatResult =
  /** `lost`: streams taken over from this session, with the *new* owner's token. `timeMs`: Redis time. */
  | ({ readonly outcome: "alive"; readonly lost: readonly OwnedStream[]; readonly timeMs: number } & Wishes)
  /** `instance`: who holds the name now; empty when nobody does. */
  | { readonly outcome: "lost"; readonly instance: string };

/**
 * How a claim treats a live owner.
 * `takeover` replaces it, `reject` does not, `reclaim` is `reject` by an origin that was fed all the time and
 * registers again (its former token must go with it). `standby` replaces the same session, and with `switched` one
 * whose record is marked stalled or, when it is `preferred`, one of a greater rank.
 */
export type ClaimPolicy = "takeover" | "reject" | "standby" | "reclaim";

export interface StreamClaim {
  readonly key: StreamKey;
  readonly kind: StreamKind;
  readonly policy: ClaimPolicy;
  /** Time to live of the record, in ms; garbage collection only. */
  readonly ttlMs: number;
  readonly publisher: string;
  readonly codecs: string;
  /** Highest token this origin knows for the key; the new one is greater. 0 when it knows none. */
  readonly formerToken: number;
  /** Shortest and longest pause between two take-overs of one key, in ms. */
  readonly pauseMinMs: number;
  readonly pauseMaxMs: number;
  /** Order of the encoder among those of its stream: the least comes first. 0: it has none, and gives way to nobody. */
  readonly rank: number;
  /** Empty when the encoder has just come. Else it stood by, and this is why it should go on now. */
  readonly switched: SwitchReason | "";
  /** With kind `ingest`: the token under which its pull was begun. 0 for a publish. */
  readonly ingestToken: number;
}

/** What an owner writes down about its stream. */
export interface StreamDescription {
  readonly codecs: string;
  readonly stalled: boolean;
}

export type ClaimResult =
  | { readonly outcome: "granted"; readonly token: number; readonly previous: string }
  | { readonly outcome: "held"; readonly origin: string; readonly token: number }
  | { readonly outcome: "too-soon"; readonly origin: string; readonly retryAfterMs: number }
  | { readonly outcome: "ingested"; readonly ingest: string }
  /** The ingest's status, or (on one Redis) its lease, does not hold this origin, epoch and token any more. */
  | { readonly outcome: "stale-ingest" }
  | { readonly outcome: "session-lost" };

/** Why a touched stream is not this origin's any more. */
export interface TouchLoss {
  readonly key: StreamKey;
  /** `missing`: claim it again. `taken`: somebody else's, under `token`. */
  readonly outcome: "missing" | "taken";
  readonly token: number;
}

export interface RegistryEvent {
  /** Redis stream id. */
  readonly id: string;
  /** ms since 1970, Redis time. */
  readonly at: number;
  readonly type: string;
  /** The other fields, such as stream, origin, epoch, token, reason, by. */
  readonly fields: Readonly<Record<string, string>>;
}

/** A wake-up. Never the only carrier of a fact: the heartbeat says the same until it is acknowledged. */
export type Notice =
  | { readonly type: "taken-over"; readonly stream: OwnedStream }
  /** Something about ingests changed: a definition, a wish, or the plan. */
  | { readonly type: "ingests" }
  /** An operator wishes something of this origin: the next heartbeat tells it. */
  | { readonly type: "wished" }
  /** Another origin believes that this one is dead: beat, and it is known to live. */
  | { readonly type: "suspected" };

/**
 * Who owns what, for the whole fleet. Two adapters: Redis and memory; one contract suite runs against both.
 *
 * Expected outcomes are values. Every method rejects with HoldfastError `REGISTRY_UNAVAILABLE` when no answer came
 * in time (a write may or may not have been applied; all writes are fenced and idempotent) and with
 * `REGISTRY_REFUSED` when the registry answered with an error (auth, read-only replica, out of memory).
 */
export interface Registry {
  /** Where it is, for people: a URL without credentials, or `memory`. */
  readonly address: string;
  /** Whether the last command was answered. */
  readonly available: boolean;
  /** Definitions, states and the plan of ingests. */
  readonly ingests: IngestRegistry;
  /** Connect and check (`maxmemory-policy`, role). Returns warnings for the operator. */
  connect(): Promise<readonly string[]>;
  close(): Promise<void>;

  register(origin: OriginDescription, options: RegisterOptions): Promise<RegisterResult>;
  heartbeat(session: SessionRef, update: HeartbeatUpdate): Promise<HeartbeatResult>;
  /** End a session and drop its index entries. Does nothing when the session is not the current one. */
  leave(session: SessionRef, reason: string): Promise<void>;

  /**
   * Somebody believes that this process is dead: wake it, so that it beats if it lives. Returns its session and the
   * beat that has to move; `undefined` when it has none.
   */
  suspect(name: string, instance: string): Promise<Suspicion | undefined>;
  /**
   * End the session of a process that was proven dead. False, with nothing written, when it is another session or has
   * beaten since. Its leases are the caller's to end.
   */
  bury(session: SessionRef, beat: number, by: string): Promise<boolean>;
  /** Tell every origin that ingests may need somebody. */
  wakeAll(): Promise<void>;

  /**
   * Wish that an origin drains, or takes new streams again: for its present session, whoever asks. `by` goes into the
   * events. `undefined` when no origin of this name is alive.
   */
  wishState(
    name: string,
    state: OriginState,
    by: string,
  ): Promise<{ readonly epoch: number; readonly state: OriginState } | undefined>;
  /** Wish that the encoder of a stream is disconnected. `undefined` when no encoder feeds it. */
  kickStream(
    key: StreamKey,
    by: string,
  ): Promise<{ readonly origin: string; readonly token: number } | undefined>;

  claimStream(session: SessionRef, claim: StreamClaim): Promise<ClaimResult>;
  /** Renew the records' TTLs. Returns only those that are not ours. Any number; batched inside. */
  touchStreams(
    session: SessionRef,
    streams: readonly OwnedStream[],
    ttlMs: number,
  ): Promise<readonly TouchLoss[]>;
  /** Delete the records that still carry our token. Returns how many did. */
  releaseStreams(session: SessionRef, streams: readonly OwnedStream[], reason: string): Promise<number>;
  /** Write the description, if the token is still the record's. */
  describeStream(session: SessionRef, stream: OwnedStream, description: StreamDescription): Promise<boolean>;
  /** One round trip for all keys. `undefined` where nobody live owns the key. Past every cache. */
  locate(keys: readonly StreamKey[]): Promise<readonly (StreamLocation | undefined)[]>;
  /** The same question, with which ingests should bring what nobody owns. */
  lookUp(keys: readonly StreamKey[]): Promise<readonly Whereabouts[]>;

  listOrigins(): Promise<readonly OriginRecord[]>;
  /** All records that a live session stands behind. */
  listStreams(): Promise<readonly StreamRecord[]>;
  /** Time left of an origin's session in ms; 0 when it has none. */
  sessionTimeLeft(name: string): Promise<number>;

  /** The newest `count` events, oldest first. */
  recentEvents(count: number): Promise<readonly RegistryEvent[]>;
  /** Events after `id` (`$` is "from now on") until `signal` is aborted. */
  followEvents(id: string, signal: AbortSignal): AsyncIterable<RegistryEvent>;
  /** Hear the notices for one origin. Survives reconnects. The returned function ends it. */
  onNotice(origin: string, listener: (notice: Notice) => void): Promise<() => void>;
}
