import type { IngestRecord } from "../../domain/ingest.ts";

/** Why an ingest is not to be pulled; `undefined` when it is. */
export type Unwanted = "removed" | "paused" | "nobody plays it";

/**
 * Whether somebody wants an ingest to be pulled.
 *
 * @param now registry time, ms since 1970
 * @param played whether it is played here, or was a moment ago
 */
export function unwantedFor(record: IngestRecord, now: number, played: boolean): Unwanted | undefined {
  if (record.removed > 0) return "removed";
  if (!record.enabled) return "paused";
  if (record.onDemand && record.demandUntil <= now && !played) return "nobody plays it";
  return undefined;
}
