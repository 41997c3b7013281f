import type { FailureMark } from "../ingest.ts";
import type { StreamKey } from "../stream-key.ts";

/** An origin with a live session. */
export interface PlacementOrigin {
  readonly name: string;
  /** Name of the host whose worker it is, else its own: `captureAt` may say either. */
  readonly host: string;
  /** Capacity; 1 is normal. 0 takes nothing, as draining. */
  readonly weight: number;
  /** Takes nothing, and gives away what it has. */
  readonly draining: boolean;
  /** Begin of its session, ms. */
  readonly since: number;
}

/** An ingest that somebody should pull now. Paused, removed and unwanted ones are left out. */
export interface PlacementIngest {
  readonly stream: StreamKey;
  /** Load that it is; 1 is normal. */
  readonly weight: number;
  /** Empty when it may run anywhere. */
  readonly captureAt: string;
  /** Where an operator wants it; empty otherwise. */
  readonly moveTo: string;
  /** Who pulled it last; empty when nobody ever did. */
  readonly owner: string;
  /** Whether the owner's session is still the one that it was begun in. */
  readonly held: boolean;
  /** When the owner changed last, ms; 0 when it has never had one. */
  readonly lastMove: number;
  readonly marks: readonly FailureMark[];
  /** Where the last plan had it, when that is not the owner: it may be on its way. */
  readonly planned: string;
}

/** Everything that a plan depends on. Times in ms since 1970, registry time. */
export interface PlacementInput {
  readonly now: number;
  readonly origins: readonly PlacementOrigin[];
  readonly ingests: readonly PlacementIngest[];
  /** How many may move for nothing but evenness or `captureAt` this time. */
  readonly movesAllowed: number;
}

/** Where an ingest should run, and why there. */
export interface Placement {
  readonly origin: string;
  readonly why: string;
}

/** Only ingests that can run somewhere are in `lines`. */
export interface PlacementResult {
  readonly lines: ReadonlyMap<StreamKey, Placement>;
  /** How many of `movesAllowed` were used. */
  readonly moves: number;
}

/** `captureAt` is honoured once that origin has been up for so long, ms. A new ingest goes there at once. */
export const STABLE_MS = 10_000;
/** Between two moves of one ingest that are not forced, ms. */
export const REST_MS = 30_000;
/** Share of the fleet's ingests that may move per second for evenness … */
export const MOVES_SHARE = 0.05;
/** … and so many at least. */
export const LEAST_MOVES = 2;
