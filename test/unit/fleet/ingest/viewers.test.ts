import assert from "node:assert/strict";
import { test } from "node:test";
import { peek } from "../../../support/fake-fleet.ts";
import { CAM, IngestWorld } from "../../../support/ingest-world.ts";

test("players held at the origin that pulls get its first keyframe", async () => {
  const world = new IngestWorld();
  const o1 = await world.start();
  await world.define(CAM);
  await world.plan(o1, { [CAM]: "o1" });
  const pull = o1.puller.of(CAM).open();
  const watched = peek(o1.watch(CAM));
  await world.clock.advance(5_000);
  assert.ok(watched.value, "told to start");
  assert.equal(o1.stateOf(CAM), "held");
  pull.send("keyframe");
  await world.clock.advance(0);
  assert.equal(o1.stateOf(CAM), "ingested");
  pull.send("next");
  assert.equal(watched.value.received.at(-1), "next");
});

test("a hold that ends while the source is being opened costs the ingest nothing", async () => {
  const world = new IngestWorld();
  const o1 = await world.start({ settings: { continuity: { hold: "6s" } } });
  await world.define(CAM);
  await world.plan(o1, { [CAM]: "o1" });
  const watched = peek(o1.watch(CAM));
  await world.clock.advance(6_000);
  assert.equal(watched.value?.fate(), "STREAM_ENDED");
  await world.clock.advance(2_000);
  o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  assert.equal(o1.stateOf(CAM), "ingested");
  o1.puller.of(CAM).send("picture");
  const player = await o1.watch(CAM);
  o1.puller.of(CAM).send("next");
  assert.deepEqual(player.received, ["next"]);
});

test("players stay everywhere when the ingest moves: at the old owner, the new one and a third", async () => {
  const world = new IngestWorld();
  const [o1, o2, o3] = [
    await world.start(),
    await world.start({ name: "o2" }),
    await world.start({ name: "o3" }),
  ];
  await world.define(CAM);
  await world.plan(o1, { [CAM]: "o1" });
  o1.puller.of(CAM).flow("first");
  await world.clock.advance(0);
  o1.puller.of(CAM).send("more");
  const players = [await o1.watch(CAM)];
  for (const origin of [o2, o3]) {
    const watched = peek(origin.watch(CAM));
    await world.clock.advance(0);
    origin.dialer.last.accept().send("relayed");
    await world.clock.advance(0);
    assert.ok(watched.value);
    players.push(watched.value);
  }
  await world.plan(o1, { [CAM]: "o2" });
  // As the connections to o1 would.
  for (const origin of [o2, o3]) origin.dialer.last.fail("NOT_OWNER");
  for (let waited = 0; o2.puller.open(CAM).length === 0 && waited < 5_000; waited += 100)
    await world.clock.advance(100);
  o2.puller.of(CAM).flow("second");
  await world.clock.advance(500);
  for (const origin of [o1, o3]) {
    assert.equal(origin.dialer.last.target.address, "o2.internal:1935", origin.name);
    origin.dialer.last.accept().send("second, relayed");
  }
  o2.puller.of(CAM).send("second, here");
  assert.deepEqual(
    players.map((player) => [player.fate(), player.received.at(-1)]),
    [
      ["playing", "second, relayed"],
      ["playing", "second, here"],
      ["playing", "second, relayed"],
    ],
  );
});

test("an ingest on demand is pulled for players of another origin, and ends after the last", async () => {
  const world = new IngestWorld();
  const [o1, o2] = [await world.start(), await world.start({ name: "o2" })];
  await world.define(CAM, { onDemand: true });
  await world.plan(o1, { [CAM]: "o1" });
  await world.clock.advance(3_000);
  assert.equal(o1.puller.pulls.length, 0);
  const watched = peek(o2.watch(CAM));
  await world.clock.advance(1_100);
  o1.puller.of(CAM).flow();
  await world.clock.advance(500);
  o2.dialer.last.accept().send("picture");
  await world.clock.advance(0);
  assert.ok(watched.value);
  const flow = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      for (const pull of o1.puller.open(CAM)) pull.send("picture");
      for (const pull of o2.dialer.running) pull.send("picture");
      await world.clock.advance(1_000);
    }
  };
  await flow(30);
  assert.equal(o1.puller.open(CAM).length, 1, "its player is elsewhere");
  watched.value.leave();
  await flow(9);
  assert.equal(o1.puller.open(CAM).length, 1, "ingest.idleStop is not over");
  await flow(3);
  assert.equal(o1.puller.open(CAM).length, 0);
  assert.equal((await world.record(CAM))?.state, "idle");
});

test("players of an ingest that is removed are told the end, and new ones that there is no such stream", async () => {
  const world = new IngestWorld();
  const [o1, o2] = [await world.start(), await world.start({ name: "o2" })];
  await world.define(CAM);
  await world.plan(o1, { [CAM]: "o1" });
  o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  o1.puller.of(CAM).send("more");
  const player = await o1.watch(CAM);
  await world.ingests.remove(CAM, "test");
  await world.clock.advance(2_000);
  assert.equal(player.fate(), "STREAM_ENDED");
  const refused = peek(o2.play(CAM));
  await world.clock.advance(0);
  assert.equal(refused.error?.code, "STREAM_NOT_FOUND");
});
