import type { IngestRecord } from "../../domain/ingest.ts";
import type { OriginRecord } from "../../domain/origin-record.ts";
import { hashOf, rendezvous } from "../../domain/placement/rendezvous.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import { isMarked } from "./failure-marks.ts";

/** What is known while nobody plans. Times in ms since 1970, registry time. */
export interface OrphanView {
  readonly now: number;
  readonly self: string;
  /** Every ingest that somebody wants. */
  readonly ingests: readonly IngestRecord[];
  readonly origins: readonly OriginRecord[];
  /** What this origin pulls, or is about to. */
  readonly running: ReadonlyMap<StreamKey, unknown>;
}

/** Between two origins' tries of one orphan. */
const RANK_DELAY_MS = 300;
/** For the origin that `captureAt` names, before any other. */
const HOME_DELAY_MS = 1_000;

/**
 * Finds what nobody pulls while there is no plan: each origin takes its turn, in an order of its own for each ingest,
 * and no more than its share.
 */
export class Orphans {
  /** When each was first seen without an owner. */
  readonly #since = new Map<StreamKey, number>();

  /** There is a plan. */
  forget(): void {
    this.#since.clear();
  }

  /** Those that this origin should claim now. */
  claimable({ now, self, ingests, origins, running }: OrphanView): readonly StreamKey[] {
    const able = origins.filter(({ state, weight }) => state === "up" && weight > 0);
    const me = able.find(({ name }) => name === self);
    const alive = new Set(origins.map(({ name, epoch }) => `${name}@${epoch}`));
    // What it has lost itself, or given up for a while, nobody else looks after.
    const orphans = ingests.filter(
      ({ stream, owner, epoch, state }) =>
        !running.has(stream) && (owner === self || state === "idle" || !alive.has(`${owner}@${epoch}`)),
    );
    const keys = new Set(orphans.map(({ stream }) => stream));
    for (const stream of this.#since.keys()) if (!keys.has(stream)) this.#since.delete(stream);
    if (!me) return [];
    const capacity = able.reduce((sum, { weight }) => sum + weight, 0);
    const room = Math.ceil((ingests.length * me.weight) / capacity) + 1 - running.size;
    const due = orphans.filter((ingest) => {
      const since = this.#since.get(ingest.stream) ?? now;
      this.#since.set(ingest.stream, since);
      return now - since >= delayOf(ingest, me, able) && !isMarked(ingest.marks, self, now);
    });
    return due.slice(0, Math.max(0, room)).map(({ stream }) => stream);
  }
}

function delayOf(
  { stream, captureAt }: IngestRecord,
  me: OriginRecord,
  able: readonly OriginRecord[],
): number {
  const isHome = ({ name, host }: OriginRecord) => captureAt !== "" && [name, host].includes(captureAt);
  const key = hashOf(stream);
  const own = rendezvous(key, hashOf(me.name));
  const rank = able.filter(({ name }) => rendezvous(key, hashOf(name)) < own).length;
  if (isHome(me)) return 0;
  return rank * RANK_DELAY_MS + (able.some(isHome) ? HOME_DELAY_MS : 0);
}
