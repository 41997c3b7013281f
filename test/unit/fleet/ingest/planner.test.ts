import assert from "node:assert/strict";
import { test } from "node:test";
import { PLANNER_LEASE } from "../../../../src/domain/ingest.ts";
import type { Registry } from "../../../../src/domain/ports/registry.ts";
import { parseStreamKey } from "../../../../src/domain/stream-key.ts";
import { PlanningFleet } from "../../../support/planning-origin.ts";

async function inFleet(
  names: readonly string[],
  body: (fleet: PlanningFleet) => Promise<void>,
): Promise<void> {
  const fleet = new PlanningFleet();
  for (const name of names) await fleet.join(name);
  try {
    await body(fleet);
  } finally {
    await fleet.stop();
  }
}

/** Where everything is held, by origin. */
function heldBy(fleet: PlanningFleet): Record<string, number> {
  return Object.fromEntries([...fleet.origins].map(([name, { held }]) => [name, held.size]));
}

test("one origin plans, and everything is spread evenly", () =>
  inFleet(["o1", "o2", "o3"], async (fleet) => {
    await fleet.define(9);
    await fleet.advance(4_000);
    assert.equal(fleet.planners().length, 1);
    assert.deepEqual(await fleet.planned(), { o1: 3, o2: 3, o3: 3 });
    assert.deepEqual(heldBy(fleet), { o1: 3, o2: 3, o3: 3 });
  }));

test("a fleet that has just begun waits for the rest of its origins", () =>
  inFleet([], async (fleet) => {
    await fleet.define(6);
    await fleet.join("o1");
    await fleet.advance(1_500);
    assert.deepEqual(await fleet.planned(), {});
    await fleet.join("o2");
    await fleet.join("o3");
    await fleet.advance(2_000);
    assert.deepEqual(await fleet.planned(), { o1: 2, o2: 2, o3: 2 });
  }));

test("an origin that starts again alone does not wait: the plan names nobody else", () =>
  inFleet(["o1"], async (fleet) => {
    await fleet.define(2);
    await fleet.advance(5_000);
    await fleet.origins.get("o1")?.stop();
    await fleet.join("o1", { instance: "another" });
    await fleet.advance(700);
    assert.equal(fleet.origins.get("o1")?.held.size, 2);
  }));

test("a whole fleet that starts again waits for those whom the plan names", () =>
  inFleet(["o1", "o2"], async (fleet) => {
    await fleet.define(4);
    await fleet.advance(5_000);
    for (const name of ["o1", "o2"]) await fleet.origins.get(name)?.stop();
    await fleet.advance(1_000);
    await fleet.join("o1", { instance: "another" });
    await fleet.advance(1_000);
    assert.deepEqual(await fleet.planned(), { o1: 2, o2: 2 });
    await fleet.join("o2", { instance: "another" });
    await fleet.advance(1_500);
    assert.deepEqual(heldBy(fleet), { o1: 2, o2: 2 });
  }));

test("an ingest that is defined later is placed at once", () =>
  inFleet(["o1", "o2"], async (fleet) => {
    await fleet.advance(5_000);
    await fleet.put("live/late");
    await fleet.advance(150);
    assert.ok(await fleet.lineOf("live/late"));
  }));

test("after the death of an origin only its ingests move, at the moment its session ends", () =>
  inFleet(["o1", "o2", "o3"], async (fleet) => {
    await fleet.define(30);
    await fleet.advance(60_000);
    const [planner = ""] = fleet.planners();
    const victim = [...fleet.origins.values()].find(({ name }) => name !== planner);
    assert.ok(victim);
    const before = new Map(
      (await fleet.admin.ingests.plan()).lines.map((line) => [line.stream, line.origin]),
    );
    victim.die();
    await fleet.advance(3_500);
    assert.equal((await fleet.planned())[victim.name], 10);
    const left = await fleet.admin.sessionTimeLeft(victim.name);
    await fleet.advance(left + 150);
    assert.equal((await fleet.planned())[victim.name], undefined);
    const after = await fleet.admin.ingests.plan();
    for (const { stream, origin } of after.lines)
      if (before.get(stream) !== victim.name) assert.equal(origin, before.get(stream), stream);
    await fleet.advance(5_000);
    assert.equal(Object.values(heldBy(fleet)).filter((count) => count === 15).length, 2);
  }));

test("another origin plans as soon as the planner's lease is over, under a greater term", () =>
  inFleet(["o1", "o2", "o3"], async (fleet) => {
    await fleet.define(6);
    await fleet.advance(10_000);
    const [name = ""] = fleet.planners();
    const { term } = await fleet.admin.ingests.plan();
    fleet.origins.get(name)?.die();
    await fleet.advance(5_200);
    const [next] = fleet.planners().filter((planner) => planner !== name);
    assert.ok(next);
    const plan = await fleet.admin.ingests.plan();
    assert.equal(plan.by, next);
    assert.ok(plan.term > term);
    assert.deepEqual(Object.values(await fleet.planned()), [3, 3]);
  }));

test("a planner that leaves is followed at once", () =>
  inFleet(["o1", "o2"], async (fleet) => {
    await fleet.define(4);
    await fleet.advance(10_000);
    const [name = ""] = fleet.planners();
    await fleet.origins.get(name)?.stop();
    await fleet.advance(300);
    assert.equal(fleet.planners().filter((planner) => planner !== name).length, 1);
    assert.deepEqual(Object.values(await fleet.planned()), [4]);
  }));

test("a planner that slept writes nothing when it wakes, and stands in line again", () =>
  inFleet(["o1", "o2", "o3"], async (fleet) => {
    await fleet.define(6);
    await fleet.advance(10_000);
    const [name = ""] = fleet.planners();
    const sleeper = fleet.origins.get(name);
    assert.ok(sleeper);
    // Its question is under way when it falls asleep: the answers are those of long ago.
    let answer = () => {};
    sleeper.registry.trouble = async (ask, method) => {
      const reply = await ask();
      if (method === "listOrigins") await new Promise<void>((resolve) => (answer = resolve));
      return reply;
    };
    await fleet.advance(1_000);
    sleeper.clock.pause();
    await fleet.advance(12_000);
    const { term, by } = await fleet.admin.ingests.plan();
    assert.notEqual(by, name);
    sleeper.registry.trouble = (ask) => ask();
    sleeper.clock.resume();
    answer();
    await fleet.advance(3_000);
    assert.equal(fleet.planners().length, 1);
    const plan = await fleet.admin.ingests.plan();
    assert.deepEqual([plan.term, plan.by], [term, by]);
  }));

test("a planner that loses its lease stops with the next renewal", () =>
  inFleet(["o1"], async (fleet) => {
    await fleet.define(2);
    await fleet.advance(5_000);
    fleet.store.leases.set(PLANNER_LEASE, "other@1#9007199254740991", 5_000);
    const { at } = await fleet.admin.ingests.plan();
    await fleet.advance(2_500);
    assert.deepEqual(fleet.planners(), []);
    assert.ok((await fleet.admin.ingests.plan()).at - at <= 1_000);
    await fleet.advance(3_000);
    assert.deepEqual(fleet.planners(), ["o1"]);
  }));

test("a new origin gets its share little by little, and nothing flaps afterwards", () =>
  inFleet(["o1", "o2"], async (fleet) => {
    await fleet.define(20);
    await fleet.advance(60_000);
    await fleet.join("o3");
    await fleet.advance(1_200);
    assert.ok(((await fleet.planned())["o3"] ?? 0) <= 4);
    await fleet.advance(20_000);
    const counts = Object.values(await fleet.planned()).toSorted();
    assert.deepEqual(counts, [6, 7, 7]);
    const before = (await fleet.admin.ingests.plan()).lines.map(
      ({ stream, origin }) => `${stream} ${origin}`,
    );
    await fleet.advance(120_000);
    const after = (await fleet.admin.ingests.plan()).lines.map(({ stream, origin }) => `${stream} ${origin}`);
    assert.deepEqual(after.toSorted(), before.toSorted());
  }));

test("a draining origin gives everything away", () =>
  inFleet(["o1", "o2", "o3"], async (fleet) => {
    await fleet.define(9);
    await fleet.advance(40_000);
    const leaver = fleet.origins.get("o2");
    assert.ok(leaver);
    leaver.description = { ...leaver.description, state: "draining" };
    leaver.session.hurry();
    await fleet.advance(2_500);
    assert.equal(leaver.held.size, 0);
    assert.deepEqual(Object.values(await fleet.planned()).toSorted(), [4, 5]);
  }));

test("paused, removed and unwatched on-demand ingests are not planned", () =>
  inFleet(["o1"], async (fleet) => {
    const { ingests } = fleet.admin;
    for (const stream of ["live/a", "live/b"]) await fleet.put(stream);
    await fleet.put("live/d", { onDemand: true });
    await fleet.advance(4_000);
    assert.equal(await fleet.lineOf("live/d"), undefined);
    await ingests.demand([parseStreamKey("live/d")], 3_000);
    await fleet.advance(150);
    assert.equal(await fleet.lineOf("live/d"), "o1");
    await ingests.setEnabled(parseStreamKey("live/a"), false, "test");
    await ingests.remove(parseStreamKey("live/b"), "test");
    await fleet.advance(150);
    assert.deepEqual(await fleet.planned(), { o1: 1 });
  }));

test("what its origin does not take up goes to another, unless that one is just busy", () =>
  inFleet(["o1", "o2"], async (fleet) => {
    await fleet.advance(5_000);
    const idle = fleet.origins.get("o2");
    assert.ok(idle);
    idle.willing = false;
    await fleet.define(8);
    await fleet.advance(2_500);
    assert.deepEqual(await fleet.planned(), { o1: 4, o2: 4 });
    await fleet.advance(2_500);
    assert.deepEqual(await fleet.planned(), { o1: 8 });
    assert.equal(fleet.origins.get("o1")?.held.size, 8);
  }));

test("a captureAt origin that takes nothing up is tried less and less", () =>
  inFleet(["o1", "o2"], async (fleet) => {
    await fleet.advance(15_000);
    const home = fleet.origins.get("o2");
    assert.ok(home);
    home.willing = false;
    await fleet.put("live/home", { captureAt: "o2" });
    let tries = 0;
    for (let line: string | undefined = "", second = 0; second < 400; second++) {
      await fleet.advance(1_000);
      const next = await fleet.lineOf("live/home");
      if (next === "o2" && line !== "o2") tries++;
      line = next;
    }
    assert.ok(tries >= 2 && tries <= 5, `it was taken from o1 ${tries - 1} times`);
    assert.equal((await fleet.admin.ingests.get(parseStreamKey("live/home")))?.owner, "o1");
  }));

test("a wish to move is fulfilled, and then forgotten", () =>
  inFleet(["o1", "o2"], async (fleet) => {
    await fleet.define(2);
    await fleet.advance(5_000);
    const stream = parseStreamKey("live/c0");
    const target = (await fleet.lineOf(stream)) === "o1" ? "o2" : "o1";
    await fleet.admin.ingests.setMove(stream, target, "test");
    await fleet.advance(2_500);
    const record = await fleet.admin.ingests.get(stream);
    assert.deepEqual([record?.owner, record?.moveTo], [target, ""]);
    await fleet.admin.ingests.setMove(stream, target, "test");
    await fleet.advance(1_500);
    assert.equal((await fleet.admin.ingests.get(stream))?.moveTo, "", "it is there already");
  }));

test("captureAt gets an ingest back once that origin has been up for a while", () =>
  inFleet(["o1", "o2"], async (fleet) => {
    await fleet.put("live/home", { captureAt: "o3" });
    await fleet.advance(40_000);
    assert.notEqual(await fleet.lineOf("live/home"), "o3");
    await fleet.join("o3");
    await fleet.advance(8_000);
    assert.notEqual(await fleet.lineOf("live/home"), "o3");
    await fleet.advance(5_000);
    assert.equal((await fleet.admin.ingests.get(parseStreamKey("live/home")))?.owner, "o3");
  }));

test("planning goes on after the registry was away", () =>
  inFleet(["o1"], async (fleet) => {
    await fleet.define(2);
    await fleet.advance(5_000);
    const origin = fleet.origins.get("o1");
    assert.ok(origin);
    const { trouble } = origin.registry;
    origin.registry.trouble = () => Promise.reject(new Error("away"));
    await fleet.advance(7_000);
    origin.registry.trouble = trouble;
    await fleet.advance(4_000);
    await fleet.put("live/late");
    await fleet.advance(1_000);
    assert.deepEqual(await fleet.planned(), { o1: 3 });
  }));

test("a plan that was deleted by hand is written again within a second", () =>
  inFleet(["o1", "o2"], async (fleet) => {
    await fleet.define(4);
    await fleet.advance(5_000);
    const before = await fleet.planned();
    fleet.store.plan = { term: 0, at: 0, by: "", lines: [] };
    await fleet.advance(1_000);
    assert.deepEqual(await fleet.planned(), before);
  }));

/** Counts how often anybody asks who is there. */
class CountingFleet extends PlanningFleet {
  looks = 0;

  override registry(): Registry {
    return new Proxy(super.registry(), {
      get: (registry, name) => {
        if (name === "listOrigins") this.looks += 1;
        const value: unknown = Reflect.get(registry, name, registry);
        return typeof value === "function" ? (value.bind(registry) as unknown) : value;
      },
    });
  }
}

test("a fleet without ingests is hardly looked at, and a new one is placed at once", async () => {
  const fleet = new CountingFleet();
  await fleet.join("o1");
  try {
    await fleet.advance(6_000);
    fleet.looks = 0;
    await fleet.advance(20_000);
    assert.ok(fleet.looks <= 4, `${fleet.looks} looks`);
    const { at } = await fleet.admin.ingests.plan();
    assert.ok(fleet.clock.wall() - at < 10_000, "the plan is kept fresh");
    await fleet.put("live/late");
    await fleet.advance(150);
    assert.equal(await fleet.lineOf("live/late"), "o1");
  } finally {
    await fleet.stop();
  }
});
