import assert from "node:assert/strict";
import { test } from "node:test";
import { leaseOf, nextLeaseOf } from "../../../../src/domain/ingest.ts";
import type { PeerAsks } from "../../../../src/domain/ports/peer-asks.ts";
import { readReservation } from "../../../../src/registry/lease-value.ts";
import { peek, type FakeOrigin } from "../../../support/fake-fleet.ts";
import { FakeNetwork } from "../../../support/fake-network.ts";
import { FakePlayer } from "../../../support/fake-channels.ts";
import { CAM, IngestWorld } from "../../../support/ingest-world.ts";
import { hung } from "../../../support/troubled.ts";

/** Two origins that relay from each other; the first one pulls. */
async function two(more: { readonly overlap?: boolean } = {}) {
  const world = new IngestWorld();
  const network = new FakeNetwork();
  const origins: FakeOrigin[] = [];
  const asks: PeerAsks = {
    async pulls({ name }, stream) {
      return origins.find((origin) => origin.name === name)?.fleet.ingests.pullsNow(stream)
        ? "pulls"
        : "does-not";
    },
  };
  for (const name of ["o1", "o2"]) {
    const origin = await world.start({ name, dialer: network.dialer, asks });
    network.plug(origin);
    origins.push(origin);
  }
  const [o1, o2] = origins as [FakeOrigin, FakeOrigin];
  await world.define(CAM, more);
  await world.plan(o1, { [CAM]: "o1" });
  const pull = o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  pull.send("ready");
  return { world, o1, o2, pull };
}

function pulls(...origins: FakeOrigin[]): number {
  return origins.reduce((sum, { puller }) => sum + puller.open(CAM).length, 0);
}

test("on a move the old owner stops first, then the new one pulls", async () => {
  const { world, o1, o2, pull } = await two();
  o2.puller.onPull = () => assert.equal(pulls(o1), 0, "the old connection is gone");
  await world.plan(o1, { [CAM]: "o2" });
  await world.clock.advance(1_000);
  assert.equal(pull.over, true);
  o2.puller.of(CAM).flow();
  await world.clock.advance(0);
  assert.equal((await world.registry.locate([CAM]))[0]?.record.origin, "o2");
  assert.equal((await world.record(CAM))?.owner, "o2");
  assert.equal(o1.fleet.ingests.counts.moves, 1);
  assert.equal(pulls(o1, o2), 1);
});

test("the lease waits 3 s for the origin that the plan names, and then for anybody", async () => {
  const { world, o1 } = await two();
  const { origin: o3, ways } = world.troubledOrigin({ name: "o3" });
  await o3.fleet.start();
  await world.clock.advance(0);
  ways.trouble = hung;
  await world.plan(o1, { [CAM]: "o3" });
  assert.equal(readReservation(world.store.leases.get(leaseOf(CAM)) ?? ""), "o3");
  await world.plan(o1, { [CAM]: "o2" });
  await world.clock.advance(2_900);
  assert.equal(await world.holder(CAM), undefined);
  await world.clock.advance(1_000);
  assert.equal(await world.holder(CAM), "o2");
});

test("players stay through a move, at the old owner and at the new one", async () => {
  const { world, o1, o2, pull } = await two();
  const atOld = FakePlayer.on(o1.channels.open(CAM));
  const answer = o2.watch(CAM);
  await world.clock.advance(50);
  pull.send("before");
  await world.clock.advance(0);
  const atNew = await answer;
  await world.plan(o1, { [CAM]: "o2" });
  await world.clock.advance(1_000);
  const next = o2.puller.of(CAM).flow();
  await world.clock.advance(0);
  assert.equal(o2.stateOf(CAM), "ingested");
  await world.clock.advance(1_000);
  assert.equal(o1.stateOf(CAM), "relayed");
  next.send("after");
  await world.clock.advance(0);
  assert.deepEqual([atOld.fate(), atNew.fate()], ["playing", "playing"]);
  assert.equal(atOld.received.at(-1), "after");
  assert.equal(atNew.received.at(-1), "after");
});

test("with overlap the new owner pulls before the old one stops, and one stream is claimed at a time", async () => {
  const { world, o1, o2, pull } = await two({ overlap: true });
  await world.plan(o1, { [CAM]: "o2" });
  await world.clock.advance(300);
  assert.equal(pulls(o1, o2), 2);
  assert.equal(await world.holder(CAM), "o1");
  assert.equal((await world.leases.inspect(nextLeaseOf(CAM)))?.holder.origin, "o2");
  await world.clock.advance(2_000);
  assert.equal(pull.send("the old one feeds"), true);
  assert.equal((await world.registry.locate([CAM]))[0]?.record.origin, "o1");
  const next = o2.puller.of(CAM).flow();
  await world.clock.advance(500);
  assert.equal(pull.over, true);
  assert.equal((await world.registry.locate([CAM]))[0]?.record.origin, "o2");
  assert.equal(next.send("the new one feeds"), true);
  assert.equal(await world.holder(CAM), "o2");
  assert.equal(await world.leases.inspect(nextLeaseOf(CAM)), undefined);
  assert.equal((await world.record(CAM))?.state, "live");
});

test("with overlap a new owner that gets no keyframe stops, and the old one goes on", async () => {
  const { world, o1, o2, pull } = await two({ overlap: true });
  await world.plan(o1, { [CAM]: "o2" });
  await world.clock.advance(300);
  const ahead = o2.puller.of(CAM).open();
  await world.clock.advance(12_000);
  assert.equal(ahead.over, true);
  assert.equal(o2.puller.open(CAM).length, 0);
  assert.equal(pull.send("still"), true);
  assert.equal((await world.record(CAM))?.owner, "o1");
});

test("nothing moves to an origin that is not there", async () => {
  const { world, o1, pull } = await two();
  await world.plan(o1, { [CAM]: "nobody" });
  await world.clock.advance(3_000);
  assert.equal(pull.over, false);
});

test("a plan without a line, or too old a plan, stops nothing", async () => {
  const { world, o1, o2, pull } = await two();
  world.store.plan = { ...world.store.plan, lines: [] };
  await world.clock.advance(3_000);
  assert.equal(pull.over, false);
  world.store.plan = { term: 1, at: world.store.now() - 20_000, by: "", lines: [] };
  world.store.plan = { ...world.store.plan, lines: [{ stream: CAM, origin: "o2", why: "old" }] };
  await world.clock.advance(3_000);
  assert.equal(pull.over, false);
  assert.equal(pulls(o1, o2), 1);
});

test("a drain waits until its ingests are elsewhere, and takes no new ones", async () => {
  const { world, o1, o2, pull } = await two();
  const drained = o1.fleet.drain.begin();
  const state = peek(drained);
  await world.clock.advance(5_000);
  assert.equal(pull.over, false, "nobody has planned it elsewhere yet");
  assert.equal(state.pending, true, "and the drain is not over before");
  await world.plan(o2, { [CAM]: "o2" });
  await world.clock.advance(1_000);
  assert.equal(pull.over, true);
  o2.puller.of(CAM).flow();
  await world.define("live/new");
  await world.plan(o2, { "live/new": "o1" });
  await world.clock.advance(3_000);
  assert.equal(o1.puller.open("live/new").length, 0);
  assert.equal(await drained, "empty");
});

test("a drain that is left takes ingests again", async () => {
  const { world, o1, o2 } = await two();
  void o1.fleet.drain.begin();
  await world.clock.advance(500);
  await world.plan(o2, { [CAM]: "o2" });
  await world.clock.advance(1_000);
  o1.fleet.drain.leave();
  await world.plan(o2, { [CAM]: "o1" });
  await world.clock.advance(4_000);
  assert.equal(o1.puller.open(CAM).length, 1);
});

test("an origin alone pulls until it stops, and gives everything back", async () => {
  const world = new IngestWorld();
  const o1 = await world.start();
  await world.define(CAM);
  await world.plan(o1, { [CAM]: "o1" });
  const pull = o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  const drained = o1.fleet.drain.begin({ final: true });
  await world.clock.advance(1_000);
  assert.equal(await drained, "alone");
  assert.equal(pull.over, false);
  const { ref } = o1.fleet.session;
  const stopped = o1.fleet.stop();
  await world.clock.advance(0);
  await stopped;
  assert.ok(ref);
  assert.equal(pull.over, true);
  assert.equal(await world.holder(CAM), undefined);
  assert.equal((await world.record(CAM))?.state, "idle");
});

test("a move begun a moment ago that is taken back stays where it is", async () => {
  const { world, o1, o2, pull } = await two({ overlap: true });
  await world.plan(o1, { [CAM]: "o2" });
  await world.clock.advance(300);
  await world.plan(o1, { [CAM]: "o1" });
  await world.clock.advance(300);
  const ahead = o2.puller.pulls.at(-1);
  ahead?.flow();
  await world.clock.advance(11_000);
  assert.equal(pull.over, false);
  assert.equal(o2.puller.open(CAM).length, 0);
  assert.equal(await world.holder(CAM), "o1");
});

test("when an ingest is removed players elsewhere are told the end, and wait for nobody", async () => {
  const { world, o2, pull } = await two();
  const answer = o2.watch(CAM);
  await world.clock.advance(50);
  pull.send("before");
  await world.clock.advance(0);
  const player = await answer;
  await world.ingests.remove(CAM, "test");
  await world.clock.advance(2_000);
  assert.equal(player.fate(), "STREAM_ENDED");
});
