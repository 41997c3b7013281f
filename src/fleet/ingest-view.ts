import { asHoldfastError, HoldfastError } from "../domain/errors.ts";
import { leaseOf, nextLeaseOf, type IngestRecord } from "../domain/ingest.ts";
import {
  reportIngest,
  reportPlanLine,
  type IngestDetailReport,
  type Reveal,
} from "../domain/ingest-reports.ts";
import type { OriginRecord } from "../domain/origin-record.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Plan, PlanLine } from "../domain/ports/ingest-registry.ts";
import type { Leases } from "../domain/ports/leases.ts";
import type { Registry } from "../domain/ports/registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";

/** Where what is known of an ingest comes from. */
export interface IngestSources {
  readonly registry: Registry;
  readonly leases: Pick<Leases, "inspect">;
  readonly clock: Pick<Clock, "wall">;
}

/** All that is known of one ingest, at one moment. */
export interface IngestView {
  readonly record: IngestRecord;
  readonly plan: Plan;
  readonly line: PlanLine | undefined;
  /** An error when it could not be read. */
  readonly lease: Awaited<ReturnType<Leases["inspect"]>> | HoldfastError;
  /** Who pulls it ahead of an overlapped move. */
  readonly ahead: Awaited<ReturnType<Leases["inspect"]>>;
  /** Those with a live session. */
  readonly origins: readonly OriginRecord[];
  /** ms since 1970, by the clock of whoever asks: what the registry's times are compared with. */
  readonly now: number;
}

/** @returns `undefined` when there is no such ingest. @throws HoldfastError `REGISTRY_UNAVAILABLE` */
export async function viewIngest(
  { registry, leases, clock }: IngestSources,
  key: StreamKey,
): Promise<IngestView | undefined> {
  const record = await registry.ingests.get(key);
  if (!record || record.removed !== 0) return undefined;
  const [plan, origins, lease, ahead] = await Promise.all([
    registry.ingests.plan(),
    registry.listOrigins(),
    // The lock nodes may be away while the registry is not.
    leases.inspect(leaseOf(key)).catch((error: unknown) => asHoldfastError(error, "REGISTRY_UNAVAILABLE")),
    leases.inspect(nextLeaseOf(key)).catch(() => undefined),
  ]);
  const line = plan.lines.find(({ stream }) => stream === key);
  return { record, plan, line, lease, ahead, origins, now: clock.wall() };
}

/** @throws HoldfastError `INGEST_NOT_FOUND`, `REGISTRY_UNAVAILABLE` */
export async function findIngest(
  sources: IngestSources,
  key: StreamKey,
  reveal: Reveal,
): Promise<IngestDetailReport> {
  const view = await viewIngest(sources, key);
  if (!view) throw ingestNotFound(key);
  return reportView(view, reveal);
}

export function reportView({ record, plan, line, lease }: IngestView, reveal: Reveal): IngestDetailReport {
  const held = lease === undefined || lease instanceof HoldfastError ? undefined : lease;
  return {
    ...reportIngest(record, line?.origin ?? "", reveal),
    lease: held ? { ...held.holder, timeLeftMs: Math.max(0, Math.round(held.ttlMs)) } : null,
    plan: reportPlanLine(plan, line),
  };
}

export function ingestNotFound(key: StreamKey): HoldfastError {
  return new HoldfastError("INGEST_NOT_FOUND", { detail: `no ingest feeds ${key}` });
}
