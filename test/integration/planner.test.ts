import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { pino } from "pino";
import { PLANNER_LEASE } from "../../src/domain/ingest.ts";
import type { Leases } from "../../src/domain/ports/leases.ts";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { RedisLeases } from "../../src/registry/redis-leases.ts";
import { createRedisRegistry } from "../../src/registry/redis-registry.ts";
import { PlanningOrigin, type PlanningWorld } from "../support/planning-origin.ts";
import { redisCli } from "../support/redis-cli.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";

const WITHIN = 30_000;
const COUNT = 24;
const prefix = "{holdfast}";
const log = pino({ level: "silent" });
const timeouts = { commandTimeoutMs: 2_000, connectTimeoutMs: 2_000 };

let redis: TestRedis;
let admin: Registry;
const opened: (Registry | Leases)[] = [];
const origins: PlanningOrigin[] = [];

/** As in production, with real clocks and connections of their own. */
const world: PlanningWorld = {
  clock: systemClock,
  times: { ttl: 3_000, renewEvery: 400 },
  registry: () => keep(createRedisRegistry({ url: redis.url, prefix, ...timeouts, log })),
  leases: () => keep(new RedisLeases({ urls: [redis.url], prefix, ...timeouts, clock: systemClock, log })),
};

function keep<T extends Registry | Leases>(one: T): T {
  opened.push(one);
  return one;
}

async function join(name: string): Promise<PlanningOrigin> {
  const origin = new PlanningOrigin(world, name);
  await origin.registry.connect();
  await origin.leases.connect();
  await origin.start();
  origins.push(origin);
  return origin;
}

async function spread(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { origin } of (await admin.ingests.plan()).lines) counts[origin] = (counts[origin] ?? 0) + 1;
  return counts;
}

/** Wait until every ingest is held where it is planned, so many by each. */
function settled(...counts: number[]): Promise<boolean | undefined> {
  const all = async () => {
    const planned = Object.values(await spread()).toSorted((one, other) => one - other);
    const held = origins.filter(({ held }) => held.size > 0).map(({ held }) => held.size);
    return [planned, held.toSorted((one, other) => one - other)].every(
      (each) => JSON.stringify(each) === JSON.stringify(counts),
    );
  };
  return waitFor(all, { within: WITHIN, what: `a spread of ${counts.join(", ")}` });
}

const planners = () => origins.filter(({ planner }) => planner.active);

before(async () => {
  redis = await startRedis();
  admin = world.registry();
  await admin.connect();
  for (let i = 0; i < COUNT; i++) {
    const plain = { captureAt: "", weight: 1, overlap: false, onDemand: false, fallback: [] };
    await admin.ingests.put(
      { stream: parseStreamKey(`live/c${i}`), url: "rtmp://source/app/c", ...plain },
      "test",
    );
  }
  for (const name of ["o1", "o2", "o3", "o4"]) await join(name);
});
after(async () => {
  await Promise.all(origins.map((origin) => origin.stop()));
  await Promise.all(opened.map((one) => one.close()));
  await redis?.stop();
});

test("one of several origins plans, and everything is spread evenly", async () => {
  await settled(6, 6, 6, 6);
  assert.equal(planners().length, 1);
  const holder = await redisCli(redis.port, undefined, "GET", `${prefix}:${PLANNER_LEASE}`);
  assert.ok(holder.startsWith(`${planners()[0]?.name}@`), holder);
});

test("the planner dies: another plans within a time to live, and moves only what the dead had", async (t) => {
  const [dead] = planners();
  assert.ok(dead);
  const before = new Map((await admin.ingests.plan()).lines.map((line) => [line.stream, line.origin]));
  const { term } = await admin.ingests.plan();
  const began = performance.now();
  dead.die();
  origins.splice(origins.indexOf(dead), 1);
  await waitFor(async () => (await admin.ingests.plan()).term > term, {
    within: WITHIN,
    what: "another term",
  });
  t.diagnostic(
    `another plans after ${Math.round(performance.now() - began)} ms, of a time to live of 3,000 ms`,
  );
  await settled(8, 8, 8);
  for (const { stream, origin } of (await admin.ingests.plan()).lines)
    if (before.get(stream) !== dead.name) assert.equal(origin, before.get(stream), stream);
});

test("a planner whose lease was deleted by hand stops, and another or itself goes on under a greater term", async () => {
  const { term } = await admin.ingests.plan();
  await redisCli(redis.port, undefined, "DEL", `${prefix}:${PLANNER_LEASE}`);
  await waitFor(async () => (await admin.ingests.plan()).term > term, {
    within: WITHIN,
    what: "another term",
  });
  await waitFor(() => planners().length === 1, { within: WITHIN, what: "one planner" });
  await settled(8, 8, 8);
});

test("a planner that leaves gives its place and its ingests away at once", async () => {
  const [leaver] = planners();
  assert.ok(leaver);
  await leaver.stop();
  origins.splice(origins.indexOf(leaver), 1);
  await settled(12, 12);
  assert.equal(planners().length, 1);
});

test("a definition is planned, and one that is removed is not, well within a second", async () => {
  const stream = parseStreamKey("live/late");
  const plain = { captureAt: "", weight: 1, overlap: false, onDemand: false, fallback: [] };
  const line = async () => (await admin.ingests.plan()).lines.some((one) => one.stream === stream);
  await admin.ingests.put({ stream, url: "rtmp://source/app/late", ...plain }, "test");
  await waitFor(line, { within: WITHIN, what: "its line" });
  await admin.ingests.remove(stream, "test");
  await waitFor(async () => !(await line()), { within: WITHIN, what: "the end of its line" });
});
