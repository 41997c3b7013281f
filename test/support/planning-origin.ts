import pino from "pino";
import { leaseOf, type IngestDefinition } from "../../src/domain/ingest.ts";
import type { OriginDescription } from "../../src/domain/origin-record.ts";
import type { Clock } from "../../src/domain/ports/clock.ts";
import type { Lease, Leases } from "../../src/domain/ports/leases.ts";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { parseStreamKey, type StreamKey } from "../../src/domain/stream-key.ts";
import { Planner } from "../../src/fleet/ingest/planner.ts";
import { Session } from "../../src/fleet/session.ts";
import { MemoryLeases } from "../../src/registry/memory-leases.ts";
import { createMemoryRegistry } from "../../src/registry/memory-registry.ts";
import { MemoryStore } from "../../src/registry/memory-store.ts";
import { FakePeerProbe } from "./fake-peer-probe.ts";
import { ManualClock } from "./manual-clock.ts";
import { PausableClock } from "./pausable-clock.ts";
import { shakyRegistry, type ShakyRegistry } from "./shaky-registry.ts";

const TIMES = { ttl: 5_000, renewEvery: 1_000 };
const PULL_EVERY_MS = 200;

/** What the origins of one fleet share. */
export interface PlanningWorld {
  readonly clock: Clock;
  readonly times: { readonly ttl: number; readonly renewEvery: number };
  /** A registry of one more process. */
  registry(): Registry;
  leases(): Leases;
}

/** Origins that plan, over one memory registry and one clock. */
export class PlanningFleet implements PlanningWorld {
  readonly clock = new ManualClock();
  readonly times = TIMES;
  readonly store = new MemoryStore(this.clock);
  readonly origins = new Map<string, PlanningOrigin>();
  readonly admin = createMemoryRegistry(this.store);

  registry(): Registry {
    return createMemoryRegistry(this.store);
  }

  leases(): Leases {
    return new MemoryLeases(this.store);
  }

  async join(name: string, more: Partial<OriginDescription> = {}): Promise<PlanningOrigin> {
    const origin = new PlanningOrigin(this, name, more);
    this.origins.set(name, origin);
    await origin.start();
    return origin;
  }

  async define(count: number, more: Partial<IngestDefinition> = {}): Promise<void> {
    for (let i = 0; i < count; i++) await this.put(`live/c${i}`, more);
  }

  async put(stream: string, more: Partial<IngestDefinition> = {}): Promise<void> {
    const plain = { captureAt: "", weight: 1, overlap: false, onDemand: false, fallback: [] };
    const key = parseStreamKey(stream);
    await this.admin.ingests.put({ stream: key, url: `rtmp://source/${stream}`, ...plain, ...more }, "test");
  }

  /** How many lines of the plan each origin has; origins without any are not there. */
  async planned(): Promise<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { origin } of (await this.admin.ingests.plan()).lines)
      counts[origin] = (counts[origin] ?? 0) + 1;
    return counts;
  }

  async lineOf(stream: string): Promise<string | undefined> {
    return (await this.admin.ingests.plan()).lines.find((line) => line.stream === stream)?.origin;
  }

  /** Names of those who plan now. */
  planners(): string[] {
    return [...this.origins.values()].filter(({ planner }) => planner.active).map(({ name }) => name);
  }

  advance(ms: number): Promise<void> {
    return this.clock.advance(ms);
  }

  async stop(): Promise<void> {
    for (const origin of this.origins.values()) await origin.stop();
  }
}

/** Registers, plans, and takes up what the plan says: without pulling anything. */
export class PlanningOrigin {
  readonly name: string;
  readonly clock: PausableClock;
  readonly session: Session;
  readonly planner: Planner;
  readonly registry: ShakyRegistry;
  readonly leases: Leases;
  readonly held = new Map<StreamKey, Lease>();
  description: OriginDescription;
  /** Whether it takes up what the plan says. */
  willing = true;
  readonly #times: PlanningWorld["times"];
  #stopped = false;

  constructor(world: PlanningWorld, name: string, more: Partial<OriginDescription> = {}) {
    this.name = name;
    this.#times = world.times;
    this.clock = new PausableClock(world.clock);
    this.registry = shakyRegistry(world.registry());
    this.leases = world.leases();
    const log = pino({ level: process.env["TEST_LOG"] ?? "silent" }, pino.destination(2)).child({
      origin: name,
    });
    const addresses = { rtmp: "", http: "", relay: "", peer: `${name}.internal:8080` };
    const kind = {
      host: name,
      instance: `instance-of-${name}`,
      state: "up",
      weight: 1,
      version: "",
    } as const;
    this.description = { name, ...kind, ...addresses, ...more };
    const { registry, leases } = this;
    const common = { registry, clock: this.clock, log, lease: world.times, random: () => 0.5 };
    this.session = new Session({
      ...{ ...common, probe: new FakePeerProbe(), describe: () => this.description, load: () => 0 },
    });
    this.planner = new Planner({ ...common, leases, session: this.session, self: name });
  }

  async start(): Promise<void> {
    await this.session.start({
      count: () => this.held.size,
      acknowledgements: () => [],
      renewed: () => {},
      registered: () => this.held.clear(),
    });
    await this.planner.start();
    this.#follow();
  }

  /** As by kill -9: nothing is given back. */
  die(): void {
    this.clock.pause();
    this.registry.trouble = () => new Promise(() => {});
    this.#stopped = true;
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await this.planner.stop();
    for (const lease of this.held.values()) await this.leases.release(lease);
    await this.session.stop("stopping");
  }

  #follow(): void {
    this.clock.after(PULL_EVERY_MS, () => {
      if (this.#stopped) return;
      void this.#act().finally(() => this.#follow());
    });
  }

  async #act(): Promise<void> {
    const { ref, live } = this.session;
    if (!ref || !live || !this.willing) return;
    for (const lease of this.held.values()) await this.leases.extend(lease, this.#times.ttl);
    const { lines } = await this.registry.ingests.plan();
    for (const { stream, origin, why } of lines) {
      const lease = this.held.get(stream);
      if (origin === this.name && !lease) await this.#take(ref, stream, why, this.registry);
      if (origin !== this.name && lease) {
        this.held.delete(stream);
        await this.leases.release(lease, { origin, ms: 3_000 });
      }
    }
  }

  async #take(
    ref: NonNullable<Session["ref"]>,
    stream: StreamKey,
    why: string,
    { ingests }: Registry,
  ): Promise<void> {
    const token = await ingests.drawToken(ref, 0);
    const holder = { origin: ref.name, epoch: ref.epoch, token };
    const grant = await this.leases.acquire(leaseOf(stream), holder, this.#times.ttl);
    if (grant.outcome === "held") return;
    const begun = await ingests.begin(ref, stream, token, why);
    if (begun.outcome !== "begun") return this.leases.release(grant.lease);
    this.held.set(stream, grant.lease);
    await ingests.report(ref, stream, token, { state: "live", profile: 0, error: "", marks: [] });
  }
}
