import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { pino } from "pino";
import { leaseOf } from "../../src/domain/ingest.ts";
import type { SessionRef } from "../../src/domain/origin-record.ts";
import type { Lease, Leases } from "../../src/domain/ports/leases.ts";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { parseStreamKey, type StreamKey } from "../../src/domain/stream-key.ts";
import type { OwnedStream } from "../../src/domain/stream-record.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { MemoryLeases } from "../../src/registry/memory-leases.ts";
import { createMemoryRegistry } from "../../src/registry/memory-registry.ts";
import { MemoryStore } from "../../src/registry/memory-store.ts";
import { RedisLeases } from "../../src/registry/redis-leases.ts";
import { createRedisRegistry } from "../../src/registry/redis-registry.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startRedis } from "../support/start-redis.ts";
import type { TestRedis } from "../support/start-redis.ts";
import { LONG, beat, describeOrigin, wish } from "./fleet-fixture.ts";

const KEYS = ["live/a", "live/b"].map(parseStreamKey);

/** One step of a random history. Origins and keys are meant by number. */
const step = fc.oneof(
  fc.record({
    do: fc.constant("register" as const),
    origin: fc.nat(2),
    instance: fc.nat(1),
    replace: fc.boolean(),
  }),
  fc.record({ do: fc.constant("leave" as const), origin: fc.nat(2) }),
  fc.record({ do: fc.constant("beat" as const), origin: fc.nat(2), acknowledge: fc.boolean() }),
  fc.record({
    do: fc.constant("claim" as const),
    origin: fc.nat(2),
    key: fc.nat(1),
    policy: fc.constantFrom("takeover" as const, "reject" as const, "standby" as const, "reclaim" as const),
    rank: fc.constantFrom(0, 1, 2, -1),
    switched: fc.constantFrom("" as const, "gone" as const, "stalled" as const, "preferred" as const),
    kind: fc.constantFrom("publish" as const, "ingest" as const),
    pause: fc.constantFrom(0, LONG),
  }),
  fc.record({ do: fc.constant("release" as const), origin: fc.nat(2), key: fc.nat(1) }),
  fc.record({ do: fc.constant("touch" as const), origin: fc.nat(2) }),
  fc.record({
    do: fc.constant("describe" as const),
    origin: fc.nat(2),
    key: fc.nat(1),
    stalled: fc.boolean(),
  }),
);
type Step = ReturnType<typeof step.generate>["value"];

/** Three origins at one registry; remembers what they were told, and writes down every answer. */
class History {
  readonly answers: unknown[] = [];
  readonly #registry: Registry;
  readonly #leases: Leases;
  readonly #pulls = new Map<StreamKey, Lease>();
  readonly #sessions = new Map<number, SessionRef>();
  readonly #owned = new Map<string, OwnedStream>();
  readonly #lost = new Map<number, readonly OwnedStream[]>();
  /** Numbers differ between registries; in which order they were given does not. */
  readonly #order = new Map<number, number>();

  constructor(registry: Registry, leases: Leases) {
    this.#registry = registry;
    this.#leases = leases;
  }

  async run(steps: readonly Step[]): Promise<unknown[]> {
    for (const next of steps) {
      this.answers.push([next.do, this.#plain(await this.#take(next))]);
      this.answers.push(this.#plain(await this.#view()));
    }
    const events = await this.#registry.recentEvents(1_000);
    const told = events.map(({ type, fields }) => [
      type,
      fields["origin"],
      fields["stream"],
      fields["previous"],
    ]);
    const reasons = events.map(({ fields }) =>
      fields["reason"] === "new redis" ? "start" : fields["reason"],
    );
    return [...this.answers, told, reasons];
  }

  async #take(next: Step): Promise<unknown> {
    const name = `o${next.origin}`;
    const session = this.#sessions.get(next.origin) ?? { name, instance: "none", epoch: 1 };
    if (next.do === "register") return this.#register(name, next);
    if (next.do === "leave") return this.#registry.leave(session, "test");
    if (next.do === "beat") {
      const acknowledged = next.acknowledge ? (this.#lost.get(next.origin) ?? []) : [];
      const answer = await this.#registry.heartbeat(session, beat({ acknowledged }));
      if (answer.outcome === "lost") return answer;
      this.#lost.set(next.origin, answer.lost);
      return answer.lost.map(({ key, token }) => [token, key]).sort();
    }
    if (next.do === "touch") {
      const streams = [...this.#owned].filter(([id]) => id.startsWith(name)).map(([, stream]) => stream);
      return this.#registry.touchStreams(session, streams, LONG);
    }
    const key = KEYS[next.key] ?? parseStreamKey("live/none");
    const owned = this.#owned.get(`${name} ${key}`) ?? { key, token: 1 };
    if (next.do === "release") return this.#registry.releaseStreams(session, [owned], "test");
    if (next.do === "describe")
      return this.#registry.describeStream(session, owned, { codecs: "avc1", stalled: next.stalled });
    const { policy, kind, pause, rank, switched } = next;
    const pauses = { pauseMinMs: pause, pauseMaxMs: pause };
    const ingestToken = kind === "ingest" ? await this.#pull(session, key, rank >= 0) : 0;
    const fields = { key, policy, kind, rank, switched, ingestToken, formerToken: owned.token };
    const claim = wish({ ...fields, ...pauses });
    const result = await this.#registry.claimStream(session, claim);
    if (result.outcome === "too-soon") return result.outcome;
    if (result.outcome !== "granted") return result;
    assert.ok(result.token > Math.max(0, ...this.#order.keys()), "tokens grow");
    this.#owned.set(`${name} ${key}`, { key, token: result.token });
    return result;
  }

  /** Begin to pull an ingest, as far as it is allowed. Returns the token, also of one that was not begun. */
  async #pull(session: SessionRef, key: StreamKey, free: boolean): Promise<number> {
    const { ingests } = this.#registry;
    const former = this.#pulls.get(key);
    if (former && free) await this.#leases.release(former);
    const plain = { captureAt: "", weight: 1, overlap: false, onDemand: false, fallback: [] };
    await ingests.put({ stream: key, url: "rtmp://source.example/app/cam", ...plain }, "test");
    await ingests.setEnabled(key, true, "test");
    const token = await ingests.drawToken(session, 0).catch(() => 1);
    const holder = { origin: session.name, epoch: session.epoch, token };
    const grant = await this.#leases.acquire(leaseOf(key), holder, LONG);
    if (grant.outcome === "granted") this.#pulls.set(key, grant.lease);
    const { outcome } = await ingests.begin(session, key, token, "test");
    this.answers.push([grant.outcome, outcome]);
    // An encoder may have the key, too.
    await ingests.setEnabled(key, false, "test");
    return token;
  }

  async #register(name: string, next: Step & { do: "register" }): Promise<unknown> {
    const instance = `i${next.instance}`;
    const replaceInstance = next.replace ? `i${1 - next.instance}` : "";
    const origin = describeOrigin(name, instance);
    const result = await this.#registry.register(origin, { ttlMs: LONG, seenToken: 0, replaceInstance });
    if (result.outcome === "conflict") return [result.outcome, result.holder.instance, result.holder.epoch];
    this.#sessions.set(next.origin, { name, instance, epoch: result.epoch });
    return [result.outcome, result.epoch];
  }

  async #view(): Promise<unknown> {
    const located = await this.#registry.locate(KEYS);
    const streams = await this.#registry.listStreams();
    assert.deepEqual(
      streams,
      located.filter((location) => location !== undefined).map(({ record }) => record),
      "lists and lookups say the same",
    );
    const owners = located.map((location) => {
      if (!location) return undefined;
      const { since: _, ...record } = location.record;
      return [record, location.owner.instance];
    });
    return [owners, (await this.#registry.listOrigins()).map(({ name, epoch }) => [name, epoch])];
  }

  /** The same with every epoch and token replaced by its place in the order of those seen so far. */
  #plain(value: unknown): unknown {
    const text = JSON.stringify(value ?? null, (_, part: unknown) => {
      if (typeof part !== "number" || part < 1e12) return part;
      if (!this.#order.has(part)) this.#order.set(part, this.#order.size);
      return `#${this.#order.get(part)}`;
    });
    return JSON.parse(text);
  }
}

let server: TestRedis | undefined;
let runs = 0;
before(async () => {
  server = await startRedis();
});
after(async () => server?.stop());

test("Redis and memory give the same answers to any history", { timeout: 120_000 }, async () => {
  const opened: { close(): Promise<void> }[] = [];
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60 }), async (steps) => {
        const url = server?.url ?? "";
        const timeouts = { commandTimeoutMs: 5_000, connectTimeoutMs: 5_000 };
        const settings = { prefix: `{run-${++runs}}`, ...timeouts, log: pino({ level: "silent" }) };
        const redis = createRedisRegistry({ ...settings, url });
        const leases = new RedisLeases({ ...settings, urls: [url], clock: systemClock });
        opened.push(redis, leases);
        await Promise.all([redis.connect(), leases.connect()]);
        const store = new MemoryStore(new ManualClock());
        const [ofRedis, ofMemory] = [
          await new History(redis, leases).run(steps),
          await new History(createMemoryRegistry(store), new MemoryLeases(store)).run(steps),
        ];
        await Promise.all([redis.close(), leases.close()]);
        assert.deepEqual(ofMemory, ofRedis);
      }),
      { numRuns: 90 },
    );
  } finally {
    await Promise.all(opened.map((one) => one.close()));
  }
});
