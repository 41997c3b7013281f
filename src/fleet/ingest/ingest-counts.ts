import type { ErrorCode } from "../../domain/errors.ts";

/** What happened to this origin's ingests since it began: plain numbers, read when somebody asks for metrics. */
export class IngestCounts {
  /** Pulls that were begun, with every try of a source. */
  pulls = 0;
  /** Ingests that went to another origin by plan. */
  moves = 0;
  /** Leases that were not renewed in time: the pull was stopped by ourselves. */
  fences = 0;
  /** Leases that the registry said are not ours any more. */
  losses = 0;
  /** Failed pulls, by code. */
  readonly failures = new Map<ErrorCode, number>();

  failed(code: ErrorCode): void {
    this.failures.set(code, (this.failures.get(code) ?? 0) + 1);
  }
}
