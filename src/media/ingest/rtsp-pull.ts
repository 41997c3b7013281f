import type { Logger } from "pino";
import { HoldfastError } from "../../domain/errors.ts";
import type { PullSink, PullTarget } from "../../domain/ports/ingest-puller.ts";
import type { ReceiveBudgets } from "../memory-budget.ts";

/** What an RTSP pull needs to know: a part of the pull options of every source. */
export interface RtspPullOptions {
  /** ms for the connection, and for each answer until media may come. */
  readonly connectTimeout: number;
  /** ms without media. */
  readonly idleTimeout: number;
  readonly limits: { readonly messageAfterPublish: number };
  readonly budgets: ReceiveBudgets;
  readonly log: Logger;
}

/**
 * Pull an `rtsp://` source over TCP, interleaved.
 *
 * @see IngestPuller.pull for what it resolves and rejects with
 */
export async function pullRtsp(
  _target: PullTarget,
  _sink: PullSink,
  signal: AbortSignal,
  _options: RtspPullOptions,
): Promise<void> {
  signal.throwIfAborted();
  throw new HoldfastError("SOURCE_UNSUPPORTED", { detail: "RTSP sources are not supported yet" });
}
