import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerAsks, PullAnswer } from "../../../../src/domain/ports/peer-asks.ts";
import { CAM, IngestWorld } from "../../../support/ingest-world.ts";

const TTL = 5_000;

/** Nobody plans: the lease of the planner is somebody's who does nothing with it. */
function silence(world: IngestWorld): void {
  world.store.leases.set("planner", "nobody@1#1", 1e9);
}

test("without a planner the living take what nobody pulls, once each and by halves", async () => {
  const world = new IngestWorld();
  silence(world);
  const origins = [await world.start({ name: "o1" }), await world.start({ name: "o2" })];
  const names = Array.from({ length: 10 }, (_, i) => `live/c${i}`);
  for (const name of names) await world.define(name);
  await world.clock.advance(2 * TTL - 2_000);
  assert.deepEqual(
    origins.map(({ puller }) => puller.pulls.length),
    [0, 0],
    "a planner may come yet",
  );
  await world.clock.advance(6_000);
  const counts = origins.map(({ puller }) => names.filter((name) => puller.open(name).length === 1).length);
  assert.equal((counts[0] ?? 0) + (counts[1] ?? 0), 10);
  assert.ok(Math.max(...counts) <= 6, String(counts));
  for (const name of names)
    assert.equal(
      origins.reduce((sum, { puller }) => sum + puller.open(name).length, 0),
      1,
    );
});

test("captureAt comes first without a planner, too", async () => {
  const world = new IngestWorld();
  silence(world);
  const origins = [await world.start({ name: "o1" }), await world.start({ name: "o2" })];
  for (const home of ["o1", "o2"]) await world.define(`live/${home}`, { captureAt: home });
  await world.clock.advance(2 * TTL + 4_000);
  for (const { name, puller } of origins) assert.equal(puller.open(`live/${name}`).length, 1);
});

for (const [said, pulled] of [
  ["pulls", 0],
  ["does-not", 1],
  ["unknown", 1],
] as const satisfies readonly (readonly [PullAnswer, number])[])
  test(`a last owner that says "${said}" is ${pulled === 0 ? "left alone" : "replaced"}`, async () => {
    const world = new IngestWorld();
    const asked: string[] = [];
    let answer: PullAnswer = said;
    const asks: PeerAsks = {
      async pulls(origin, stream) {
        asked.push(`${origin.name} ${stream}`);
        return answer;
      },
    };
    const o1 = await world.start({ name: "o1" });
    const o2 = await world.start({ name: "o2", asks });
    await world.define(CAM);
    await world.define("live/other");
    await world.plan(o2, { [CAM]: "o1", "live/other": "o2" });
    o1.puller.of(CAM).flow();
    await world.clock.advance(6_000);
    o1.clock.pause();
    await world.clock.advance(TTL + 100);
    await world.plan(o2, { [CAM]: "o2" });
    await world.clock.advance(1_000);
    assert.ok(asked.includes("o1 live/cam"));
    assert.equal(o2.puller.open(CAM).length, pulled);
    answer = "does-not";
    await world.clock.advance(1_000);
    assert.equal(o2.puller.open(CAM).length, 1);
  });

test("what a file defines is asserted again and again, and after a new session", async () => {
  const world = new IngestWorld();
  const settings = { ingests: [{ stream: CAM, url: "rtmp://source/live/cam" }] };
  const o1 = await world.start({ settings });
  await world.clock.advance(100);
  assert.equal((await world.record(CAM))?.source, "config");
  await world.clock.advance(300_000);
  assert.equal((await world.record(CAM))?.removed, 0);
  world.store.ingests.delete(CAM);
  world.store.sessions.delete("o1");
  await world.clock.advance(2_000);
  assert.equal((await world.record(CAM))?.source, "config");
  const stopped = o1.fleet.stop();
  await world.clock.advance(0);
  await stopped;
  await world.clock.advance(61_000);
  assert.equal(await world.record(CAM), undefined);
});

test("without a planner an origin takes back what it has lost itself", async () => {
  const world = new IngestWorld();
  silence(world);
  const o1 = await world.start({ name: "o1" });
  await world.define(CAM);
  await world.clock.advance(2 * TTL + 2_000);
  o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  world.store.leases.delete(`lease:${CAM}`);
  await world.clock.advance(1_000);
  assert.equal(o1.fleet.ingests.counts.losses, 1);
  await world.clock.advance(3_000);
  assert.equal(o1.puller.open(CAM).length, 1);
});
