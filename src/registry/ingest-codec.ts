import type {
  FailureMark,
  IngestDefinition,
  IngestRecord,
  IngestState,
  IngestStatus,
} from "../domain/ingest.ts";
import type { Plan, PlanLine } from "../domain/ports/ingest-registry.ts";
import { decodeKey, readHash, readNumber, type FlatHash } from "./codec.ts";

const STATES: readonly string[] = ["idle", "starting", "live", "retrying", "resting", "paused"];

/** The fields of a definition, in the order that the scripts take them. */
export function encodeDefinition(definition: IngestDefinition): string[] {
  const { url, captureAt, weight, overlap, onDemand, fallback } = definition;
  return [url, captureAt, String(weight), flag(overlap), flag(onDemand), JSON.stringify(fallback)];
}

/** State, profile, error and marks, in the order that the script takes them. */
export function encodeStatus({ state, profile, error, marks }: IngestStatus): string[] {
  return [state, String(profile), error, JSON.stringify(marks)];
}

/** @returns `undefined` when it is not the record of an ingest, but of a key reserved by hand, or nothing */
export function decodeIngest(hash: FlatHash): IngestRecord | undefined {
  const fields = readHash(hash);
  const stream = decodeKey(fields.get("stream") ?? "");
  const url = fields.get("url") ?? "";
  if (stream === undefined || url === "") return undefined;
  const text = (name: string): string => fields.get(name) ?? "";
  const number = (name: string): number => readNumber(fields.get(name), 0);
  const state = text("state");
  const enabled = text("enabled") === "1";
  return {
    stream,
    url,
    captureAt: text("captureAt"),
    weight: readNumber(fields.get("weight"), 1),
    overlap: text("overlap") === "1",
    onDemand: text("onDemand") === "1",
    fallback: readList(text("fallback")).filter((one) => typeof one === "string"),
    source: text("source") === "config" ? "config" : "api",
    enabled,
    removed: number("removed"),
    demandUntil: number("demandUntil"),
    moveTo: text("moveTo"),
    owner: text("owner"),
    epoch: number("epoch"),
    token: number("token"),
    state: !enabled ? "paused" : STATES.includes(state) ? (state as IngestState) : "idle",
    profile: number("profile"),
    error: text("error"),
    lastMove: number("lastMove"),
    why: text("why"),
    marks: readList(text("marks")).filter(isMark),
  };
}

/** The `plan` hash: lines, beside `_term`, `_at`, `_by` and `_why:<key>`. */
export function decodePlan(hash: FlatHash): Plan {
  const fields = readHash(hash);
  const lines: PlanLine[] = [];
  for (const [name, origin] of fields) {
    // `_term` and the like are no keys: they have no slash.
    const stream = name.startsWith("_why:") ? undefined : decodeKey(name);
    if (stream !== undefined) lines.push({ stream, origin, why: fields.get(`_why:${name}`) ?? "" });
  }
  const number = (name: string): number => readNumber(fields.get(name), 0);
  return { term: number("_term"), at: number("_at"), by: fields.get("_by") ?? "", lines };
}

function flag(value: boolean): string {
  return value ? "1" : "0";
}

function readList(json: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

function isMark(value: unknown): value is FailureMark {
  if (typeof value !== "object" || value === null) return false;
  const { origin, count, until } = value as Partial<Record<keyof FailureMark, unknown>>;
  return typeof origin === "string" && typeof count === "number" && typeof until === "number";
}
