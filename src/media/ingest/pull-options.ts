import type { Logger } from "pino";
import type { Config } from "../../config/schema.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { PullSink, PullTarget } from "../../domain/ports/ingest-puller.ts";
import type { ReceiveBudgets } from "../receive-budgets.ts";

/** What every kind of pull may need to know. */
export interface PullOptions {
  /** ms until a source has answered, for each address that it sends the pull to. */
  readonly connectTimeout: number;
  /** ms without audio or video, after which a source has failed. */
  readonly idleTimeout: number;
  /** Whether command lines may be run. */
  readonly allowExec: boolean;
  readonly limits: Config["limits"];
  readonly rtmp: Config["rtmp"];
  readonly clock: Clock;
  readonly log: Logger;
  /** Shared with what else receives media for the origin. */
  readonly budgets: ReceiveBudgets;
}

/** Pulls sources of one kind. @see IngestPuller.pull for what it resolves and rejects with */
export type Pull = (
  target: PullTarget,
  sink: PullSink,
  signal: AbortSignal,
  options: PullOptions,
) => Promise<void>;
