import type { FailureMark, IngestRecord } from "../../domain/ingest.ts";
import type { OriginRecord } from "../../domain/origin-record.ts";
import type { PlacementIngest, PlacementInput, PlacementOrigin } from "../../domain/placement/input.ts";
import type { Plan } from "../../domain/ports/ingest-registry.ts";
import type { StreamKey } from "../../domain/stream-key.ts";

/** What the registry said at one moment. */
export interface FleetView {
  /** Registry time, ms since 1970. */
  readonly now: number;
  readonly records: readonly IngestRecord[];
  readonly origins: readonly OriginRecord[];
  readonly plan: Plan;
}

/** A line of the plan that its origin has not acted on yet. */
export interface WaitingLine {
  readonly stream: StreamKey;
  readonly origin: string;
  /** It runs elsewhere, and goes there first with its next keyframe. */
  readonly overlapped: boolean;
}

/** Failures that only the planner knows of. */
export type PlannerMarks = (stream: StreamKey) => readonly FailureMark[];

/** Ingests that somebody should pull now: not paused, not removed, and somebody plays those on demand. */
export function wantedIngests({ now, records, origins }: FleetView): IngestRecord[] {
  const sessions = sessionsOf(origins);
  return records.filter((record) => {
    if (!record.enabled || record.removed > 0) return false;
    if (!record.onDemand || record.demandUntil > now) return true;
    // Its owner decides when it has waited long enough for another player.
    return isHeld(record, sessions) && isPulled(record);
  });
}

/** @param movesAllowed how many may move for nothing but evenness or `captureAt` */
export function placementInput(view: FleetView, movesAllowed: number, marks: PlannerMarks): PlacementInput {
  const sessions = sessionsOf(view.origins);
  const lines = new Map(view.plan.lines.map(({ stream, origin }) => [stream, origin]));
  const ingest = (record: IngestRecord): PlacementIngest => {
    const { stream, weight, captureAt, moveTo, owner, lastMove } = record;
    const line = lines.get(stream) ?? "";
    const extra = marks(stream);
    return {
      ...{ stream, weight, captureAt, moveTo, owner, lastMove },
      held: isHeld(record, sessions),
      marks: extra.length === 0 ? record.marks : [...record.marks, ...extra],
      planned: line === owner ? "" : line,
    };
  };
  return {
    now: view.now,
    origins: view.origins.map(asPlacementOrigin),
    ingests: wantedIngests(view).map(ingest),
    movesAllowed,
  };
}

/** Lines whose origin has not become the owner under its present session, or does nothing as such. */
export function waitingLines(view: FleetView): WaitingLine[] {
  const sessions = sessionsOf(view.origins);
  const wanted = new Map(wantedIngests(view).map((record) => [record.stream, record]));
  return view.plan.lines.flatMap(({ stream, origin }) => {
    const record = wanted.get(stream);
    const epoch = sessions.get(origin);
    if (!record || epoch === undefined) return [];
    if (record.owner === origin && record.epoch === epoch && record.state !== "idle") return [];
    return [{ stream, origin, overlapped: record.overlap && isHeld(record, sessions) }];
  });
}

/** Ingests that are where an operator wished them. */
export function fulfilledWishes({ records, origins }: FleetView): StreamKey[] {
  const sessions = sessionsOf(origins);
  const hosts = new Map(origins.map(({ name, host }) => [name, host]));
  return records
    .filter((record) => record.moveTo !== "" && isHeld(record, sessions))
    .filter(({ moveTo, owner }) => moveTo === owner || moveTo === hosts.get(owner))
    .map(({ stream }) => stream);
}

/** Whether anybody pulls anything: a fleet without is a new one. */
export function isAnythingHeld({ records, origins }: FleetView): boolean {
  const sessions = sessionsOf(origins);
  return records.some((record) => isHeld(record, sessions));
}

function sessionsOf(origins: readonly OriginRecord[]): ReadonlyMap<string, number> {
  return new Map(origins.map(({ name, epoch }) => [name, epoch]));
}

function isHeld({ owner, epoch }: IngestRecord, sessions: ReadonlyMap<string, number>): boolean {
  return owner !== "" && sessions.get(owner) === epoch;
}

function isPulled({ state }: IngestRecord): boolean {
  return state === "starting" || state === "live" || state === "retrying";
}

function asPlacementOrigin({ name, host, weight, state, since }: OriginRecord): PlacementOrigin {
  return { name, host, weight, draining: state === "draining", since };
}
