import type { StreamKey } from "./stream-key.ts";

/**
 * A source that the fleet pulls: exactly one origin at a time. Its id is the stream key that it feeds.
 *
 * URLs may carry credentials: they never reach a log line, an event, or an API answer without the token.
 */
export interface IngestDefinition {
  readonly stream: StreamKey;
  /** `rtmp://`, `rtmps://`, `rtsp://`, `http(s)://….flv`, or `exec:` and a command line that writes FLV. */
  readonly url: string;
  /** Name of the origin that should pull it while it is up; empty when any may. */
  readonly captureAt: string;
  /** Share of an origin that it takes; 1 is normal. */
  readonly weight: number;
  /** A move may have two pulls for a moment: the new one first, so that there is no gap. */
  readonly overlap: boolean;
  /** Pulled only while somebody plays it. */
  readonly onDemand: boolean;
  /** Used instead of `url`, in this order, while it runs away from `captureAt`. */
  readonly fallback: readonly string[];
}

/** Who defined it. A definition from a config file is gone when no origin has it any more. */
export type IngestSource = "config" | "api";

/**
 * What an ingest is doing. `idle`: nobody pulls it (on demand, or not placed yet). `resting`: it failed everywhere and
 * is tried again later where it was.
 */
export type IngestState = "idle" | "starting" | "live" | "retrying" | "resting" | "paused";

/** That a source failed on an origin: it is not placed there before `until`. */
export interface FailureMark {
  readonly origin: string;
  /** Failures in a row there; the mark lasts 10 s, doubling to 10 min. */
  readonly count: number;
  /** ms since 1970, registry time. */
  readonly until: number;
}

/** An ingest as the registry holds it. */
export interface IngestRecord extends IngestDefinition {
  readonly source: IngestSource;
  /** False while it is paused. */
  readonly enabled: boolean;
  /** When the definition was removed: nobody may pull it any more. 0 while it is wanted. ms since 1970. */
  readonly removed: number;
  /** Somebody wants to play it, until this moment; only with `onDemand`. ms since 1970. */
  readonly demandUntil: number;
  /** Where an operator wants it, until it is there; empty otherwise. */
  readonly moveTo: string;
  /** Who pulls it, or pulled it last; empty when nobody ever did. */
  readonly owner: string;
  /** Epoch of the owner's session. */
  readonly epoch: number;
  /** Fencing token of the last grant; 0 when there was none. */
  readonly token: number;
  readonly state: IngestState;
  /** Which URL is live: 0 is `url`, 1… are `fallback`. */
  readonly profile: number;
  /** Why it does not work, for people, without credentials; empty when it does. */
  readonly error: string;
  /** When the owner changed last, ms since 1970. */
  readonly lastMove: number;
  /** Why it is where it is, for people. */
  readonly why: string;
  readonly marks: readonly FailureMark[];
}

/** What the owner says of its pull. Fenced by the token. */
export interface IngestStatus {
  readonly state: IngestState;
  readonly profile: number;
  readonly error: string;
  readonly marks: readonly FailureMark[];
}

/** The name of the lease that pulls an ingest. */
export function leaseOf(stream: StreamKey): string {
  return `lease:${stream}`;
}

/** The right to pull ahead of an overlapped hand-over. */
export function nextLeaseOf(stream: StreamKey): string {
  return `lease:${stream}:next`;
}

/** Says of the origin that pulls ahead that it has a keyframe: the owner may let go. */
export function readyLeaseOf(stream: StreamKey): string {
  return `lease:${stream}:ready`;
}

/** The lease of the planner. */
export const PLANNER_LEASE = "planner";
