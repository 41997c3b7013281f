import type { IngestDefinition, IngestRecord, IngestStatus } from "../ingest.ts";
import type { SessionRef } from "../origin-record.ts";
import type { StreamKey } from "../stream-key.ts";

/** One line of the plan. */
export interface PlanLine {
  readonly stream: StreamKey;
  /** Name of the origin that should pull it. */
  readonly origin: string;
  /** Why there, for people. */
  readonly why: string;
}

/** Where ingests should run. Advice: only a lease lets an origin pull. */
export interface Plan {
  /** Fencing token of the planner that wrote it; 0 when there is none. */
  readonly term: number;
  /** When it was last confirmed, ms since 1970, registry time. */
  readonly at: number;
  /** Name of the origin that planned; empty when there is none. */
  readonly by: string;
  readonly lines: readonly PlanLine[];
}

export type PutResult = "created" | "changed" | "same";

/**
 * Definitions, states and the plan of ingests: the part of the registry beside sessions and streams.
 *
 * Rejects as `Registry` does: `REGISTRY_UNAVAILABLE`, `REGISTRY_REFUSED`.
 */
export interface IngestRegistry {
  /**
   * Say what this origin has in its config, and keep it alive for another 60 s. A definition by API is left as it is;
   * of two differing files the one of the later session counts. A pause outlives this.
   */
  assertConfigured(session: SessionRef, definitions: readonly IngestDefinition[]): Promise<void>;
  /** Define by API, or replace such a definition. @throws HoldfastError `INGEST_CONFIGURED` when a file has it */
  put(definition: IngestDefinition, by: string): Promise<PutResult>;
  /** Remove for good: a tombstone is left for 60 s. False when there was none. @throws `INGEST_CONFIGURED` */
  remove(stream: StreamKey, by: string): Promise<boolean>;
  /** False when there is no such ingest. */
  setEnabled(stream: StreamKey, enabled: boolean, by: string): Promise<boolean>;
  /** Wish it to run on `origin`; empty takes the wish back. False when there is no such ingest. */
  setMove(stream: StreamKey, origin: string, by: string): Promise<boolean>;
  /** Somebody plays these on-demand ingests, for `ms` from now. */
  demand(streams: readonly StreamKey[], ms: number): Promise<void>;

  get(stream: StreamKey): Promise<IngestRecord | undefined>;
  /** All of them, tombstones too. */
  list(): Promise<readonly IngestRecord[]>;

  /**
   * A number greater than `seen` and than every epoch and token given before.
   *
   * @throws HoldfastError `SESSION_LOST`
   */
  drawToken(session: SessionRef, seen: number): Promise<number>;
  /**
   * Become the owner in the ingest's status. To be called with the lease in hand, before anything is pulled.
   * `stale`: a greater token was there, or (on one Redis) the lease is not held by this token any more.
   * `unwanted`: removed, paused, or not there. `definition` is as in the registry at that moment.
   */
  begin(
    session: SessionRef,
    stream: StreamKey,
    token: number,
    why: string,
  ): Promise<
    | { readonly outcome: "begun"; readonly record: IngestRecord }
    | { readonly outcome: "stale" | "unwanted" | "session-lost" }
  >;
  /** Write what the pull is doing, and keep a definition without other asserters readable. False when stale. */
  report(session: SessionRef, stream: StreamKey, token: number, status: IngestStatus): Promise<boolean>;
  /** The same records as `get`, for the ingests that this origin pulls or should pull. One round trip. */
  read(streams: readonly StreamKey[]): Promise<readonly (IngestRecord | undefined)[]>;

  plan(): Promise<Plan>;
  /**
   * Write the differences, and confirm the rest. False, with nothing written, when the plan is of a later term, or (on
   * one Redis) the lease `planner` is not held under this term any more.
   */
  writePlan(
    session: SessionRef,
    term: number,
    changed: readonly PlanLine[],
    removed: readonly StreamKey[],
  ): Promise<boolean>;
  /** Delete tombstones and index entries that nothing stands behind. Returns how many. */
  sweep(session: SessionRef, term: number): Promise<number>;
}
