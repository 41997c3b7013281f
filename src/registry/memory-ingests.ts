import { HoldfastError } from "../domain/errors.ts";
import { leaseOf, PLANNER_LEASE } from "../domain/ingest.ts";
import type { IngestDefinition, IngestRecord, IngestStatus } from "../domain/ingest.ts";
import type { SessionRef } from "../domain/origin-record.ts";
import type { IngestRegistry, Plan, PlanLine, PutResult } from "../domain/ports/ingest-registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import { configured, FRESH, isSame } from "./ingest-definitions.ts";
import { leaseValue } from "./lease-value.ts";
import { INGEST_TTL_MS } from "./limits.ts";
import { isCurrent } from "./memory-claim.ts";
import type { MemoryStore, StoredIngest } from "./memory-store.ts";

const LASTING = Infinity;
/** The same decisions, in the same order, as in the scripts ingest-*, ingests-* and plan-write. */
export class MemoryIngests implements IngestRegistry {
  readonly #open: () => MemoryStore;

  /** @param open  the store, while the registry is open; throws after */
  constructor(open: () => MemoryStore) {
    this.#open = open;
  }

  async assertConfigured(session: SessionRef, definitions: readonly IngestDefinition[]): Promise<void> {
    const store = this.#open();
    if (!isCurrent(store, session)) return;
    for (const definition of definitions) {
      const { stream } = definition;
      const known = store.ingests.get(stream);
      const gone = !known || known.removed > 0;
      if (known?.source === "api" && !gone) continue;
      const newer = (known?.definedBy ?? 0) <= session.epoch;
      const base: StoredIngest = known ?? {
        ...FRESH,
        ...definition,
        source: "config",
        definedBy: 0,
        assertedUntil: 0,
      };
      const defined = newer ? { ...definition, source: "config" as const, definedBy: session.epoch } : {};
      const revived = gone ? { enabled: true, removed: 0 } : {};
      const assertedUntil = store.now() + INGEST_TTL_MS;
      store.ingests.set(stream, { ...base, ...defined, ...revived, assertedUntil }, INGEST_TTL_MS);
      if (gone) store.log("ingest-defined", { ingest: stream, reason: "config", by: session.name });
    }
  }

  async put(definition: IngestDefinition, by: string): Promise<PutResult> {
    const store = this.#open();
    const { stream } = definition;
    const known = this.#wanted(stream);
    if (known?.source === "config") throw configured(stream);
    const outcome = known ? (isSame(known, definition) ? "same" : "changed") : "created";
    const base = store.ingests.get(stream) ?? { ...FRESH, definedBy: 0, assertedUntil: 0 };
    const fresh = known ? {} : { enabled: true, removed: 0, moveTo: "" };
    store.ingests.set(stream, { ...base, ...definition, ...fresh, source: "api" }, LASTING);
    if (outcome === "same") return outcome;
    const type = outcome === "created" ? "ingest-defined" : "ingest-changed";
    store.log(type, { ingest: stream, reason: "api", by });
    this.#wake(store.plan.by, base.owner);
    return outcome;
  }

  async remove(stream: StreamKey, by: string): Promise<boolean> {
    const store = this.#open();
    const known = this.#wanted(stream);
    if (!known) return false;
    if (known.source === "config") throw configured(stream);
    store.ingests.set(stream, { ...known, removed: store.now(), enabled: false }, INGEST_TTL_MS);
    store.log("ingest-removed", { ingest: stream, reason: "api", by });
    this.#wake(store.plan.by, known.owner);
    return true;
  }

  async setEnabled(stream: StreamKey, enabled: boolean, by: string): Promise<boolean> {
    return this.#change(stream, { enabled }, enabled ? "ingest-resumed" : "ingest-paused", by);
  }

  async setMove(stream: StreamKey, origin: string, by: string): Promise<boolean> {
    return this.#change(stream, { moveTo: origin }, "ingest-move", by);
  }

  async demand(streams: readonly StreamKey[], ms: number): Promise<void> {
    const store = this.#open();
    const now = store.now();
    for (const stream of streams) {
      const known = store.ingests.get(stream);
      if (!known?.onDemand) continue;
      if (known.demandUntil <= now) this.#wake(store.plan.by);
      store.ingests.replace(stream, { ...known, demandUntil: now + ms });
    }
  }

  async get(stream: StreamKey): Promise<IngestRecord | undefined> {
    return this.#view(this.#open().ingests.get(stream));
  }

  async list(): Promise<readonly IngestRecord[]> {
    const records = this.#open().ingests.values();
    return records
      .map((record) => this.#view(record) as IngestRecord)
      .sort((one, other) => (one.stream < other.stream ? -1 : 1));
  }

  async read(streams: readonly StreamKey[]): Promise<readonly (IngestRecord | undefined)[]> {
    const { ingests } = this.#open();
    return streams.map((stream) => this.#view(ingests.get(stream)));
  }

  async drawToken(session: SessionRef, seen: number): Promise<number> {
    const store = this.#open();
    if (!isCurrent(store, session)) throw new HoldfastError("SESSION_LOST");
    return store.nextToken(seen);
  }

  async begin(
    session: SessionRef,
    stream: StreamKey,
    token: number,
    why: string,
  ): ReturnType<IngestRegistry["begin"]> {
    const store = this.#open();
    if (!isCurrent(store, session)) return { outcome: "session-lost" };
    const known = store.ingests.get(stream);
    if (!known?.enabled) return { outcome: "unwanted" };
    const { name, epoch } = session;
    if (
      known.token >= token ||
      store.leases.get(leaseOf(stream)) !== leaseValue({ origin: name, epoch, token })
    )
      return { outcome: "stale" };
    const begun: StoredIngest = {
      ...known,
      ...{ owner: name, epoch, token, state: "starting", error: "", why },
      lastMove: known.owner === name ? known.lastMove : store.now(),
      moveTo: known.moveTo === name ? "" : known.moveTo,
    };
    store.ingests.replace(stream, begun);
    const previous = known.owner;
    store.log("ingest-begun", {
      ingest: stream,
      origin: name,
      epoch,
      token,
      previous,
      reason: why,
      by: name,
    });
    return { outcome: "begun", record: this.#view(begun) as IngestRecord };
  }

  async report(
    { name }: SessionRef,
    stream: StreamKey,
    token: number,
    status: IngestStatus,
  ): Promise<boolean> {
    const store = this.#open();
    const known = store.ingests.get(stream);
    if (!known || known.token !== token || known.owner !== name) return false;
    const ttl = known.source === "config" ? INGEST_TTL_MS : LASTING;
    if (known.removed > 0) store.ingests.replace(stream, { ...known, ...status });
    else store.ingests.set(stream, { ...known, ...status }, ttl);
    const { state, error, profile } = status;
    if (state !== "starting" && state !== "paused" && (known.state !== state || known.error !== error))
      store.log(`ingest-${state}`, { ingest: stream, origin: name, token, profile, reason: error, by: name });
    return true;
  }

  async plan(): Promise<Plan> {
    return this.#open().plan;
  }

  async writePlan(
    session: SessionRef,
    term: number,
    changed: readonly PlanLine[],
    removed: readonly StreamKey[],
  ): Promise<boolean> {
    const store = this.#open();
    const { name, epoch } = session;
    if (!isCurrent(store, session) || store.plan.term > term) return false;
    if (store.leases.get(PLANNER_LEASE) !== leaseValue({ origin: name, epoch, token: term })) return false;
    const lines = new Map(store.plan.lines.map((line) => [line.stream, line]));
    const touched = [...changed, ...removed.map((stream) => ({ stream, origin: "" }))];
    this.#wake(...touched.flatMap(({ stream, origin }) => [lines.get(stream)?.origin ?? "", origin]));
    for (const line of changed) lines.set(line.stream, line);
    for (const stream of removed) lines.delete(stream);
    store.plan = { term, at: store.now(), by: name, lines: [...lines.values()] };
    return true;
  }

  async sweep(_session: SessionRef, term: number): Promise<number> {
    const store = this.#open();
    if (store.plan.term !== term) return 0;
    const now = store.now();
    const gone = store.ingests
      .values()
      .filter(
        ({ source, removed, assertedUntil }) => source === "config" && removed === 0 && assertedUntil < now,
      );
    for (const record of gone) {
      store.ingests.set(record.stream, { ...record, removed: now, enabled: false }, INGEST_TTL_MS);
      store.log("ingest-removed", { ingest: record.stream, reason: "in no config any more", by: "planner" });
      this.#wake(record.owner);
    }
    return gone.length;
  }

  #change(stream: StreamKey, change: Partial<StoredIngest>, type: string, by: string): boolean {
    const store = this.#open();
    const known = this.#wanted(stream);
    if (!known) return false;
    const next = { ...known, ...change };
    store.ingests.replace(stream, next);
    const same = next.enabled === known.enabled && next.moveTo === known.moveTo;
    const origin = change.moveTo ?? known.owner;
    if (!same) store.log(type, { ingest: stream, reason: "api", origin, by });
    this.#wake(store.plan.by, known.owner);
    return true;
  }

  #wanted(stream: StreamKey): StoredIngest | undefined {
    const known = this.#open().ingests.get(stream);
    return known && known.removed === 0 ? known : undefined;
  }

  #view(record: StoredIngest | undefined): IngestRecord | undefined {
    if (!record) return undefined;
    const { definedBy: _definedBy, assertedUntil: _assertedUntil, ...rest } = record;
    return rest.enabled ? rest : { ...rest, state: "paused" };
  }

  #wake(...origins: readonly string[]): void {
    const names = new Set(origins.filter((name) => name !== ""));
    for (const name of names) this.#open().publish(name, { type: "ingests" });
  }
}
