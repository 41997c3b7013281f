import type { IngestDefinition, IngestRecord, IngestState } from "../../domain/ingest.ts";
import type { SessionRef } from "../../domain/origin-record.ts";
import type { Plan } from "../../domain/ports/ingest-registry.ts";
import type { PeerAsks } from "../../domain/ports/peer-asks.ts";
import type { Registry } from "../../domain/ports/registry.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import type { DrainDuty } from "../drain.ts";
import { isMarked } from "./failure-marks.ts";
import { Handover } from "./handover.ts";
import { IngestCounts } from "./ingest-counts.ts";
import { IngestRun, type RunStop } from "./ingest-run.ts";
import type { IngestTools } from "./ingest-tools.ts";
import { LastOwners } from "./last-owners.ts";
import { LeaseUpkeep } from "./lease-upkeep.ts";
import { Orphans } from "./orphans.ts";
import { Rounds } from "./rounds.ts";
import { StartBucket } from "./start-bucket.ts";
import { ToldDefinitions } from "./told-definitions.ts";
import { unwantedFor } from "./wanted.ts";

export interface IngestKeeperOptions extends Omit<
  IngestTools,
  "registry" | "upkeep" | "bucket" | "counts" | "ownerGoesOn"
> {
  readonly registry: Pick<Registry, "ingests" | "locate" | "listOrigins" | "onNotice">;
  /** How to ask other origins what they pull. */
  readonly asks?: PeerAsks | undefined;
  /** What this origin's config file defines. */
  readonly definitions: readonly IngestDefinition[];
}

const SEE_ORIGINS_EVERY_MS = 5_000;
/** A pull ahead of a hand-over that has failed is not tried again before. */
const REST_AHEAD_MS = 10_000;

/**
 * Pulls what the plan gives this origin, and nothing else: reads the plan and the records every second and at every
 * notice, begins what is new, ends what is not wanted, and hands over what moves. The leases decide; a plan that
 * cannot be read stops nothing.
 */
export class IngestKeeper implements DrainDuty {
  readonly #options: IngestKeeperOptions;
  readonly #tools: IngestTools;
  readonly #owners: LastOwners;
  readonly #orphans = new Orphans();
  readonly #handover: Handover;
  readonly #rounds: Rounds;
  readonly #told: ToldDefinitions;
  readonly #runs = new Map<StreamKey, IngestRun>();
  /** Monotonic ms of when a pull ahead may be tried again. */
  readonly #notBefore = new Map<StreamKey, number>();
  /** When each was played here last, monotonic ms; only on demand. */
  readonly #playedAt = new Map<StreamKey, number>();
  readonly counts = new IngestCounts();
  #seenAt = -Infinity;
  /** Since when a plan is waited for, registry time. */
  #plannedAt = 0;
  #draining = false;
  #stopped = false;

  constructor(options: IngestKeeperOptions) {
    this.#options = options;
    const { clock, leases, log, settings, here, asks, registry } = options;
    const upkeep = new LeaseUpkeep({ leases, clock, log, lease: settings.lease });
    const bucket = new StartBucket(clock, settings.ingest.startsPerSecond);
    this.#owners = new LastOwners({ asks, self: here.name, clock });
    const ownerGoesOn = (record: IngestRecord) => this.#owners.goesOn(record);
    this.#tools = { ...options, upkeep, bucket, counts: this.counts, ownerGoesOn };
    this.#handover = new Handover(this.#tools);
    this.#told = new ToldDefinitions(options);
    this.#rounds = new Rounds({
      ...{ clock, log, every: settings.lease.renewEvery, round: () => this.#round() },
      listen: (wake) =>
        registry.onNotice(here.name, (notice) => {
          if (notice.type === "ingests") wake();
        }),
    });
  }

  /** Begin; the session is registered. */
  start(): void {
    this.#rounds.start();
  }

  /** End every pull, give streams and leases back. To be called before the session is ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#rounds.stop();
    for (const run of this.#runs.values()) run.stop({ how: "broken", reason: "stopping" });
    await Promise.all([...this.#runs.values()].map(({ done }) => done));
  }

  /** A new session began: what was pulled in the one before ends, and is claimed again by plan. */
  registered(): void {
    for (const run of this.#runs.values()) run.stop({ how: "broken", reason: "session lost" });
    this.#told.forget();
    this.#plannedAt = this.#options.session.now();
    this.#rounds.wake();
  }

  /** Whether this origin pulls that source at this moment. */
  pullsNow(stream: StreamKey): boolean {
    return this.#runs.get(stream)?.pulling ?? false;
  }

  /** The state of each ingest here. */
  states(): readonly IngestState[] {
    return [...this.#runs.values()].map(({ state }) => state);
  }

  count(): number {
    return this.#runs.size;
  }

  handOver(over: AbortSignal): void {
    this.#draining = true;
    const back = () => (this.#draining = over.reason !== "left");
    over.addEventListener("abort", back, { once: true });
    for (const run of this.#runs.values())
      if (run.token === 0) run.stop({ how: "broken", reason: "draining" });
    this.#rounds.wake();
  }

  /** Whether the fleet has ingests at all. */
  async #round(): Promise<"busy" | "idle"> {
    const { registry, session } = this.#options;
    const { ref } = session;
    if (!ref || !this.#is(ref)) return "busy";
    await this.#told.tell(ref);
    const plan = await registry.ingests.plan();
    if (!this.#is(ref)) return "busy";
    await this.#tend(plan, ref);
    return plan.lines.length + this.#runs.size === 0 && this.#isNew(plan.at) ? "idle" : "busy";
  }

  async #tend(plan: Plan, ref: SessionRef): Promise<void> {
    const { registry } = this.#options;
    const lines = new Map(plan.lines.map((line) => [line.stream, line]));
    const orphans = await this.#findOrphans(plan, ref);
    const planned = plan.lines.filter(({ origin }) => origin === ref.name).map(({ stream }) => stream);
    const keys = [...new Set([...planned, ...orphans, ...this.#runs.keys()])];
    await this.#see();
    if (keys.length === 0 || !this.#is(ref)) return;
    const records = await registry.ingests.read(keys);
    if (!this.#is(ref)) return;
    const moves: { readonly record: IngestRecord; readonly target: string }[] = [];
    keys.forEach((stream, i) => {
      const record = records[i];
      const line = lines.get(stream);
      const run = this.#runs.get(stream);
      if (run) run.tend();
      if (!record) return;
      if (!run && line?.origin === ref.name) this.#begin(record, line.why);
      else if (!run && orphans.includes(stream)) this.#begin(record, "nobody plans, and nobody pulled it");
      else if (run && this.#goesOn(run, record) && line && line.origin !== ref.name)
        moves.push({ record, target: line.origin });
      else if (run) this.#handover.cancel(stream);
    });
    if (moves.length > 0 && this.#isNew(plan.at)) await this.#move(ref, moves);
  }

  /** Remember who lives where, for when they do not any more. */
  async #see(): Promise<void> {
    const { registry, clock } = this.#options;
    if (clock.monotonic() - this.#seenAt < SEE_ORIGINS_EVERY_MS) return;
    this.#owners.see(await registry.listOrigins());
    this.#seenAt = clock.monotonic();
  }

  async #findOrphans(plan: Plan, ref: SessionRef): Promise<readonly StreamKey[]> {
    const { registry, session, here } = this.#options;
    if (this.#isNew(Math.max(plan.at, this.#plannedAt))) {
      this.#orphans.forget();
      return [];
    }
    const now = session.now();
    const ingests = (await registry.ingests.list()).filter((record) => !unwantedFor(record, now, false));
    const origins = ingests.length > 0 ? await registry.listOrigins() : [];
    if (!this.#is(ref)) return [];
    return this.#orphans.claimable({ now, self: here.name, ingests, origins, running: this.#runs });
  }

  /** Whether so little time has passed since `at` that a planner may be there. */
  #isNew(at: number): boolean {
    const { session, settings } = this.#options;
    return session.now() - at <= 2 * settings.lease.ttl;
  }

  #begin(record: IngestRecord, why: string): void {
    const { session, here, clock } = this.#options;
    const { stream } = record;
    const rests = (this.#notBefore.get(stream) ?? -Infinity) > clock.monotonic();
    if (this.#draining || rests || isMarked(record.marks, here.name, session.now())) return;
    const isWanted = (fresh: IngestRecord) => !unwantedFor(fresh, session.now(), this.#played(fresh));
    if (!isWanted(record)) return;
    const run = new IngestRun({ tools: this.#tools, stream, why, isWanted });
    this.#runs.set(stream, run);
    void run.done.then((end) => {
      this.#handover.cancel(stream);
      this.#runs.delete(stream);
      this.#notBefore.delete(stream);
      if (end === "failed") this.#notBefore.set(stream, clock.monotonic() + REST_AHEAD_MS);
    });
  }

  /** Ends what is not wanted any more. Whether it goes on. */
  #goesOn(run: IngestRun, record: IngestRecord): boolean {
    run.reread(record);
    const unwanted = unwantedFor(record, this.#options.session.now(), this.#played(record));
    if (!unwanted) return !run.ending;
    const how: RunStop["how"] = unwanted === "nobody plays it" ? "broken" : "ended";
    run.stop({ how, reason: unwanted });
    return false;
  }

  /** Whether somebody plays it here, or did a moment ago. */
  #played({ stream, onDemand }: IngestRecord): boolean {
    const { streams, clock, settings } = this.#options;
    if (!onDemand) return true;
    const now = clock.monotonic();
    if ((streams.get(stream)?.channel.subscribers ?? 0) > 0) this.#playedAt.set(stream, now);
    const last = this.#playedAt.get(stream);
    if (last !== undefined && now - last < settings.ingest.idleStop) return true;
    this.#playedAt.delete(stream);
    return false;
  }

  /** Only to an origin that is there, and stays. */
  async #move(
    ref: SessionRef,
    moves: readonly { readonly record: IngestRecord; readonly target: string }[],
  ): Promise<void> {
    const origins = await this.#options.registry.listOrigins();
    if (!this.#is(ref)) return;
    const up = new Set(origins.filter(({ state }) => state === "up").map(({ name }) => name));
    for (const { record, target } of moves) {
      const run = this.#runs.get(record.stream);
      if (run && up.has(target)) this.#handover.begin(run, record, target);
    }
  }

  /** Whether that session is still ours: asked after every answer. */
  #is({ epoch }: SessionRef): boolean {
    const { session } = this.#options;
    return !this.#stopped && session.live && session.ref?.epoch === epoch;
  }
}
