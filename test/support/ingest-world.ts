import type { IngestDefinition, IngestRecord } from "../../src/domain/ingest.ts";
import { PLANNER_LEASE } from "../../src/domain/ingest.ts";
import type { IngestRegistry } from "../../src/domain/ports/ingest-registry.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { MemoryLeases } from "../../src/registry/memory-leases.ts";
import { createMemoryRegistry } from "../../src/registry/memory-registry.ts";
import { FakeWorld, type FakeOrigin, type FakeOriginOptions } from "./fake-fleet.ts";
import { troubled, troubles, type Troubles } from "./troubled.ts";

export const CAM = parseStreamKey("live/cam");

/** A world with definitions, whose plan a test writes. */
export class IngestWorld extends FakeWorld {
  readonly registry = createMemoryRegistry(this.store);
  readonly leases = new MemoryLeases(this.store);

  get ingests(): IngestRegistry {
    return this.registry.ingests;
  }

  /** An origin whose ways to the registry's ingests and to the leases a test can disturb. */
  troubledOrigin(options: FakeOriginOptions = {}): { readonly origin: FakeOrigin; readonly ways: Troubles } {
    const ways = troubles();
    const inner = createMemoryRegistry(this.store);
    const ingests = troubled(inner.ingests, ways);
    const registry = new Proxy(inner, {
      get(target, name) {
        if (name === "ingests") return ingests;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
    const leases = troubled(new MemoryLeases(this.store), ways);
    return { origin: this.origin({ registry, leases, ...options }), ways };
  }

  async define(stream: string, more: Partial<IngestDefinition> = {}): Promise<void> {
    const definition = { url: `rtmp://source/${stream}`, captureAt: "", weight: 1, ...OFF };
    await this.ingests.put({ stream: parseStreamKey(stream), ...definition, ...more }, "test");
  }

  record(stream: string): Promise<IngestRecord | undefined> {
    return this.ingests.get(parseStreamKey(stream));
  }

  /** Write these lines in the name of `origin`; the others stay. No origin plans from then on. */
  async plan(origin: FakeOrigin, lines: Readonly<Record<string, string>>): Promise<void> {
    const { ref } = origin.fleet.session;
    if (!ref) throw new Error(`${origin.name} has no session`);
    const token = await this.ingests.drawToken(ref, 0);
    const holder = { origin: ref.name, epoch: ref.epoch, token };
    this.store.leases.delete(PLANNER_LEASE);
    const grant = await this.leases.acquire(PLANNER_LEASE, holder, FOR_GOOD_MS);
    if (grant.outcome !== "granted") throw new Error(`the planner is ${grant.by}`);
    const changed = Object.entries(lines).map(([stream, name]) => {
      return { stream: parseStreamKey(stream), origin: name, why: "the test wants it" };
    });
    if (!(await this.ingests.writePlan(ref, token, changed, []))) throw new Error("plan not written");
    await this.clock.advance(0);
  }

  /** Who holds the lease of an ingest. */
  async holder(stream: string): Promise<string | undefined> {
    return (await this.leases.inspect(`lease:${stream}`))?.holder.origin;
  }
}

const FOR_GOOD_MS = 1e9;
const OFF = { overlap: false, onDemand: false, fallback: [] };
