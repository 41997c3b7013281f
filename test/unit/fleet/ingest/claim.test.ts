import assert from "node:assert/strict";
import { test } from "node:test";
import type { FakeOrigin } from "../../../support/fake-fleet.ts";
import { FakePlayer } from "../../../support/fake-channels.ts";
import { CAM, IngestWorld } from "../../../support/ingest-world.ts";
import { away, held, mute, only, slowAnswers } from "../../../support/shaky-registry.ts";

/** An origin whose pull has just brought its first keyframe, with its claim in trouble. */
async function claiming(trouble: FakeOrigin["registry"]["trouble"]) {
  const world = new IngestWorld();
  const o1 = await world.start();
  await world.define(CAM);
  await world.plan(o1, { [CAM]: "o1" });
  o1.registry.trouble = only("claimStream", trouble);
  const pull = o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  return { world, o1, pull };
}

async function record(world: IngestWorld) {
  return (await world.registry.locate([CAM]))[0]?.record;
}

test("a claim that fails is tried again at the next keyframe", async () => {
  const { world, o1, pull } = await claiming(away);
  assert.equal(await record(world), undefined);
  assert.equal(pull.over, false);
  o1.registry.trouble = (ask) => ask();
  pull.send("next");
  await world.clock.advance(0);
  assert.equal((await record(world))?.kind, "ingest");
});

test("a claim whose answer was lost is made again under a greater token", async () => {
  const { world, o1, pull } = await claiming(mute);
  const lost = await record(world);
  assert.equal(lost?.origin, "o1");
  o1.registry.trouble = (ask) => ask();
  await world.clock.advance(1_000);
  for (let i = 0; i < 3; i++) {
    pull.send("next");
    await world.clock.advance(1_000);
  }
  const now = await record(world);
  assert.equal(now?.origin, "o1");
  assert.equal(o1.stateOf(CAM), "ingested");
  assert.equal(o1.tokenOf(CAM), now?.token);
});

for (const [what, happens] of Object.entries({
  "the ingest is paused": (world: IngestWorld) => world.ingests.setEnabled(CAM, false, "test"),
  "the source breaks": async (_: IngestWorld, o1: FakeOrigin) => o1.puller.of(CAM).fail(),
  "the lease is lost": async (world: IngestWorld) => {
    world.store.leases.delete(`lease:${CAM}`);
    world.store.leases.set(`lease:${CAM}`, "o9@1#9", 1e6);
  },
}))
  test(`while the claim is under way ${what}: what was granted is given back`, async () => {
    const answers = slowAnswers();
    const { world, o1 } = await claiming(answers.trouble);
    assert.ok(await record(world), "granted already");
    await happens(world, o1);
    await world.clock.advance(1_100);
    o1.registry.trouble = (ask) => ask();
    answers.release();
    await world.clock.advance(400);
    if (what !== "the source breaks") assert.equal(o1.puller.open(CAM).length, 0);
    assert.notEqual(o1.stateOf(CAM), "ingested");
    await world.clock.advance(3_000);
    const now = await record(world);
    assert.ok(!now || (what === "the source breaks" && now.kind === "ingest"), JSON.stringify(now));
  });

test("an answer that comes after the session was lost feeds nobody", async () => {
  const answers = held();
  const { world, o1, pull } = await claiming(answers.trouble);
  world.store.sessions.delete("o1");
  await world.clock.advance(1_100);
  answers.release();
  o1.registry.trouble = (ask) => ask();
  await world.clock.advance(0);
  assert.equal(pull.send("late"), false);
  await world.clock.advance(3_000);
  const again = o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  assert.equal(again.send("fresh"), true);
  assert.equal((await record(world))?.epoch, o1.fleet.session.ref?.epoch);
});

test("when nobody feeds the stream for continuity.hold its players go, and the pull begins a new channel", async () => {
  const world = new IngestWorld();
  const o1 = await world.start();
  await world.define(CAM);
  await world.plan(o1, { [CAM]: "o1" });
  const first = o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  first.send("ready");
  const player = FakePlayer.on(o1.channels.open(CAM));
  let silent = true;
  o1.puller.onPull = (pull) => {
    if (!silent) void setImmediate(() => pull.flow());
  };
  first.fail();
  await world.clock.advance(15_100);
  assert.equal(player.fate(), "STREAM_ENDED");
  silent = false;
  await world.clock.advance(15_000);
  assert.equal(o1.stateOf(CAM), "ingested");
  o1.puller.of(CAM).send("again");
  const next = await o1.watch(CAM);
  o1.puller.of(CAM).send("for you");
  assert.deepEqual(next.received, ["for you"]);
});
