import type { Sample } from "./counts.ts";

/**
 * Where an origin's metrics come from: plain numbers that are counted where things happen, and read when somebody
 * asks. Every part of an origin fits as it is.
 */
export interface MetricSources {
  /** Of RTMP with RTMPS, and of FLV over HTTP and WebSocket. */
  readonly sessions: readonly SessionNumbers[];
  /** By port: rtmp, http, api. */
  readonly doors: Readonly<Record<string, DoorNumbers>>;
  readonly channels: ChannelNumbers;
  /** Memory of unfinished messages. */
  readonly halfReceived: { readonly taken: number };
  /** How long what a source sends is left to collect before it is read, in ms. */
  readonly reads: { readonly window: number };
  readonly registry: { readonly available: boolean };
  readonly session: { readonly live: boolean };
  readonly ingests: IngestNumbers;
  /** What is published, ingested, relayed and on hold here. */
  streams(): readonly StreamNumbers[];
  /** Whether new streams can be taken. */
  ready(): boolean;
}

export interface SessionNumbers {
  /** Labels: protocol, role. */
  readonly open: Iterable<Sample>;
  /** Labels: protocol, role, code. */
  readonly ends: Iterable<Sample>;
  /** Bytes; label: protocol. */
  readonly received: Iterable<Sample>;
  readonly sent: Iterable<Sample>;
}

export interface DoorNumbers {
  /** Open connections. */
  readonly open: number;
  /** Label: reason. */
  readonly refused: Iterable<Sample>;
}

export interface ChannelNumbers {
  /** Players of all channels. */
  readonly players: number;
  /** Since the origin began: writes to players, their bytes, and batches that a player did not get. */
  readonly fanout: { readonly writes: number; readonly bytes: number; readonly skips: number };
  /** Bytes kept for players that join. */
  readonly gopBytes: number;
  /** Since the origin began: groups dropped because all together took too much. */
  readonly gopDrops: number;
  /** The fan-out window of each channel now, in ms. */
  windows(): Iterable<number>;
}

export interface IngestNumbers {
  /** The state of each ingest here, one of a few words. */
  states(): Iterable<string>;
  /** Since the origin began. */
  readonly counts: {
    /** Connections to sources that were begun. */
    readonly pulls: number;
    /** Ingests that went to another origin by plan. */
    readonly moves: number;
    /** Leases that were not renewed in time. */
    readonly fences: number;
    /** Leases that the registry said are not ours any more. */
    readonly losses: number;
    /** By code. */
    readonly failures: ReadonlyMap<string, number>;
  };
}

export interface StreamNumbers {
  readonly stream: string;
  /** One of a few words. */
  readonly state: string;
  readonly players: number;
  /** Encoders that stand by for it here. */
  readonly standbys: { readonly length: number };
}
