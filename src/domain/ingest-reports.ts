import type { FailureMark, IngestRecord } from "./ingest.ts";
import type { LeaseHolder } from "./ports/leases.ts";
import type { Plan, PlanLine } from "./ports/ingest-registry.ts";
import { maskSourceUrl } from "./source-url.ts";

/**
 * An ingest as people and programs outside see it: one form for the API and for `holdfast … -o json`.
 * Times are ISO 8601 in UTC by the registry's clock, empty for never; time spans are ms.
 */
export interface IngestReport extends Omit<
  IngestRecord,
  "lastMove" | "demandUntil" | "marks" | "fallback" | "removed"
> {
  readonly fallback: string[];
  readonly lastMove: string;
  readonly demandUntil: string;
  readonly marks: MarkReport[];
  /** Where the plan has it; empty when nowhere. */
  readonly planned: string;
}

export interface MarkReport extends Omit<FailureMark, "until"> {
  readonly until: string;
}

export interface LeaseReport extends LeaseHolder {
  readonly timeLeftMs: number;
}

export interface PlanLineReport {
  readonly origin: string;
  readonly why: string;
  /** Name of the planner, and its fencing token. */
  readonly by: string;
  readonly term: number;
  /** When the plan was confirmed last. */
  readonly at: string;
}

/** An ingest with what only more questions can tell. */
export interface IngestDetailReport extends IngestReport {
  /** Null when nobody holds it, or when it could not be read. */
  readonly lease: LeaseReport | null;
  readonly plan: PlanLineReport | null;
}

/** Whether URLs are shown whole, with the credentials in them. */
export interface Reveal {
  readonly secrets: boolean;
}

export function reportIngest(record: IngestRecord, planned: string, { secrets }: Reveal): IngestReport {
  const { removed: _, marks, fallback, ...rest } = record;
  const shown = (url: string) => (secrets ? url : maskSourceUrl(url));
  return {
    ...rest,
    url: shown(record.url),
    fallback: fallback.map(shown),
    lastMove: isoTime(record.lastMove),
    demandUntil: isoTime(record.demandUntil),
    marks: marks.map((mark) => ({ ...mark, until: isoTime(mark.until) })),
    planned,
  };
}

/** All that are wanted, by their keys. */
export function reportIngests(records: readonly IngestRecord[], plan: Plan, reveal: Reveal): IngestReport[] {
  const planned = new Map(plan.lines.map(({ stream, origin }) => [stream, origin]));
  return records
    .filter(({ removed }) => removed === 0)
    .map((record) => reportIngest(record, planned.get(record.stream) ?? "", reveal))
    .sort((one, other) => (one.stream < other.stream ? -1 : 1));
}

export function reportPlanLine({ by, term, at }: Plan, line: PlanLine | undefined): PlanLineReport | null {
  return line ? { origin: line.origin, why: line.why, by, term, at: isoTime(at) } : null;
}

/** ISO 8601, or an empty string for a time that no record has. */
function isoTime(ms: number): string {
  return ms > 0 ? new Date(ms).toISOString() : "";
}
