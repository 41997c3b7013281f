import type { Logger } from "pino";
import type { Clock } from "../../domain/ports/clock.ts";
import { HoldfastError } from "../../domain/errors.ts";
import type { PullSink, PullTarget } from "../../domain/ports/ingest-puller.ts";
import type { ReceiveBudgets } from "../memory-budget.ts";

/** What an `exec:` pull needs to know: a part of the pull options of every source. */
export interface ExecPullOptions {
  /** ms from the start of the program to its first byte. */
  readonly connectTimeout: number;
  /** ms without a byte, while we want one. */
  readonly idleTimeout: number;
  readonly allowExec: boolean;
  readonly limits: { readonly messageAfterPublish: number; readonly messagesPerSecond: number };
  readonly budgets: ReceiveBudgets;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Pull an `exec:` source: a program of this machine that writes FLV to its standard output.
 *
 * @see IngestPuller.pull for what it resolves and rejects with
 */
export async function pullExec(
  _target: PullTarget,
  _sink: PullSink,
  signal: AbortSignal,
  { allowExec }: ExecPullOptions,
): Promise<void> {
  signal.throwIfAborted();
  const detail = allowExec ? "exec: sources cannot be run yet" : "exec: sources are not allowed here";
  throw new HoldfastError("SOURCE_UNSUPPORTED", { detail });
}
