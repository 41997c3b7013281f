import type { Placement } from "../../domain/placement/input.ts";
import type { PlanLine } from "../../domain/ports/ingest-registry.ts";
import type { StreamKey } from "../../domain/stream-key.ts";

export interface PlanDifference {
  readonly changed: readonly PlanLine[];
  readonly removed: readonly StreamKey[];
}

/** What has to be written so that the plan is as placed. A line whose origin stays keeps its reason. */
export function planDifference(
  present: readonly PlanLine[],
  placed: ReadonlyMap<StreamKey, Placement>,
): PlanDifference {
  const known = new Map(present.map(({ stream, origin }) => [stream, origin]));
  const changed = [...placed].flatMap(([stream, { origin, why }]) =>
    known.get(stream) === origin ? [] : [{ stream, origin, why }],
  );
  return { changed, removed: [...known.keys()].filter((stream) => !placed.has(stream)) };
}
