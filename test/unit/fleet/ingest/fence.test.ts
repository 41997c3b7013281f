import assert from "node:assert/strict";
import { test } from "node:test";
import { leaseOf } from "../../../../src/domain/ingest.ts";
import { CAM, IngestWorld } from "../../../support/ingest-world.ts";
import { away } from "../../../support/shaky-registry.ts";
import { hung, slow } from "../../../support/troubled.ts";

const TTL = 5_000;
const MARGIN = 500;

async function live(world: IngestWorld) {
  const { origin, ways } = world.troubledOrigin();
  await origin.fleet.start();
  await world.define(CAM);
  await world.plan(origin, { [CAM]: "o1" });
  const pull = origin.puller.of(CAM).flow();
  await world.clock.advance(0);
  assert.equal(pull.send("live"), true);
  return { origin, ways, pull };
}

test("while the registry hangs packets pass until the deadline, and none after it", async () => {
  const world = new IngestWorld();
  const { origin, ways, pull } = await live(world);
  ways.trouble = hung;
  const renewed = world.store.leases.timeLeft(leaseOf(CAM));
  await world.clock.advance(renewed - MARGIN - 10);
  assert.equal(pull.send("still"), true);
  await world.clock.advance(20);
  assert.equal(pull.over, true, "it was cut before its lease could be another's");
  assert.ok(world.store.leases.timeLeft(leaseOf(CAM)) > 0);
  assert.equal(origin.fleet.ingests.counts.fences, 1);
});

test("a process that was paused for longer than its lease lets no packet pass afterwards", async () => {
  const world = new IngestWorld();
  const { origin, pull } = await live(world);
  const at = origin.channels.get(CAM)?.lastPacketAt;
  world.clock.pause(TTL + 1);
  assert.equal(pull.send("from the grave"), false);
  assert.equal(origin.channels.get(CAM)?.lastPacketAt, at);
});

test("a suspended machine shows on the wall clock alone", async () => {
  const world = new IngestWorld();
  const { pull } = await live(world);
  world.clock.jumpWall(TTL);
  assert.equal(pull.send("from the grave"), false);
});

test("a renewal that is answered after the deadline revives nothing", async () => {
  const world = new IngestWorld();
  const { origin, ways, pull } = await live(world);
  const late = slow("extend");
  ways.trouble = late.trouble;
  await world.clock.advance(1_000);
  assert.ok(late.reached());
  world.clock.pause(TTL);
  late.release();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(pull.send("late"), false);
  await world.clock.advance(2_000);
  assert.equal(pull.over, true);
  assert.ok(origin.puller.open(CAM).length <= 1);
});

test("a lost session ends the pull; the next one pulls again under a greater token", async () => {
  const world = new IngestWorld();
  const { origin, pull } = await live(world);
  const before = await world.record(CAM);
  world.store.sessions.delete("o1");
  await world.clock.advance(1_000);
  assert.equal(pull.over, true);
  await world.clock.advance(2_000);
  const again = origin.puller.of(CAM).flow();
  await world.clock.advance(0);
  const after = await world.record(CAM);
  assert.equal(again.send("again"), true);
  assert.ok((after?.token ?? 0) > (before?.token ?? 0));
  assert.ok((after?.epoch ?? 0) > (before?.epoch ?? 0));
  assert.equal((await world.registry.locate([CAM]))[0]?.record.epoch, after?.epoch);
});

test("without its session an origin pulls nothing, though its lease still runs", async () => {
  const world = new IngestWorld();
  const { origin, pull } = await live(world);
  origin.registry.trouble = away;
  await world.clock.advance(TTL);
  assert.equal(origin.fleet.session.live, false);
  assert.equal(pull.over, true);
  assert.equal(origin.puller.open(CAM).length, 0);
});

test("a pull that takes its time to go keeps its lease until it is gone", async () => {
  const world = new IngestWorld();
  const { origin } = await live(world);
  let gone = () => {};
  origin.puller.linger = () => new Promise((resolve) => (gone = resolve));
  await world.ingests.setEnabled(CAM, false, "test");
  await world.clock.advance(3_000);
  assert.equal(origin.puller.of(CAM).send("too late"), false, "nothing of it passes");
  assert.equal(await world.holder(CAM), "o1");
  gone();
  await world.clock.advance(0);
  assert.equal(await world.holder(CAM), undefined);
});

/** What may happen while an origin waits for an answer on its way to a pull, or to a stream. */
const LOSSES: Readonly<Record<string, (world: IngestWorld) => Promise<void>>> = {
  "the session is lost": async (world) => {
    world.store.sessions.delete("o1");
    await world.clock.advance(1_500);
  },
  "so long that the lease is over": (world) => world.clock.advance(TTL + 1_000),
  "the ingest is removed": async (world) => {
    await world.ingests.remove(CAM, "test");
    await world.clock.advance(1_500);
  },
  "the origin is stopped": async () => {},
};

for (const call of ["plan", "read", "get", "drawToken", "acquire", "begin", "report"])
  for (const [what, happens] of Object.entries(LOSSES))
    test(`while ${call} is waited for: ${what}; no pull without a lease is left`, async () => {
      const world = new IngestWorld();
      const { origin, ways } = world.troubledOrigin();
      origin.puller.onPull = (pull) => void setImmediate(() => pull.flow());
      await origin.fleet.start();
      await world.define(CAM);
      const answer = slow(call);
      ways.trouble = answer.trouble;
      await world.plan(origin, { [CAM]: "o1" });
      await world.clock.advance(1_000);
      assert.ok(answer.reached(), `${call} was called`);
      const stopping = what === "the origin is stopped" ? origin.fleet.stop() : undefined;
      await happens(world);
      answer.release();
      await world.clock.advance(0);
      for (const pull of origin.puller.open(CAM)) {
        const holder = await world.leases.inspect(leaseOf(CAM));
        assert.equal(holder?.holder.origin, "o1");
        assert.equal(holder?.holder.epoch, origin.fleet.session.ref?.epoch);
        assert.ok(pull.send("allowed"));
      }
      await world.clock.advance(4_000);
      const wanted = what.startsWith("the session") || what.startsWith("so long");
      assert.equal(origin.puller.open(CAM).length, wanted ? 1 : 0);
      await (stopping ?? origin.fleet.stop());
      assert.equal(origin.puller.open(CAM).length, 0);
      assert.equal(await world.holder(CAM), undefined);
      assert.equal((await world.registry.locate([CAM]))[0], undefined);
    });

test("a lease that was granted too late to be believed is begun by nobody, and given back", async () => {
  const world = new IngestWorld();
  const { origin, ways } = world.troubledOrigin();
  await origin.fleet.start();
  await world.define(CAM);
  world.store.leases.set("planner", "nobody@1#1", 1e9);
  await world.clock.advance(2_000);
  const late = slow("acquire", (name) => name === leaseOf(CAM));
  ways.trouble = late.trouble;
  await world.plan(origin, { [CAM]: "o1" });
  assert.ok(late.reached());
  await world.clock.advance(TTL - MARGIN + 10);
  assert.equal(await world.holder(CAM), "o1", "its last moments");
  ways.trouble = (ask) => ask();
  ways.calls.length = 0;
  late.release();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.ok(!ways.calls.includes("begin"));
  assert.ok(ways.calls.includes("release"));
  assert.equal(origin.fleet.ingests.counts.fences, 0, "it never was ours: it is asked for again");
});

/** An origin that has a lease it cannot renew, and whose status is being written. */
async function beginning() {
  const world = new IngestWorld();
  const { origin, ways } = world.troubledOrigin();
  await origin.fleet.start();
  await world.define(CAM);
  const late = slow("begin");
  ways.trouble = (ask, name, args) =>
    name === "extend" ? hung(ask, name, args) : late.trouble(ask, name, args);
  await world.plan(origin, { [CAM]: "o1" });
  assert.ok(late.reached());
  return { world, origin, late };
}

test("a lease that ends while its status is being written begins no pull", async () => {
  const { world, origin, late } = await beginning();
  await world.clock.advance(TTL - MARGIN + 10);
  late.release();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(origin.fleet.ingests.counts.pulls, 0);
});

test("a process that was paused while its status was being written begins no pull", async () => {
  const { world, origin, late } = await beginning();
  await world.clock.advance(3_000);
  world.clock.pause(TTL - MARGIN - 2_990);
  assert.ok(origin.fleet.session.live, "which was renewed later than the lease");
  late.release();
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(origin.puller.pulls.length, 0);
  assert.equal(origin.fleet.ingests.counts.pulls, 0);
});

test("while a pull of a lost session takes its time to go its stream is not claimed for the next one", async () => {
  const world = new IngestWorld();
  const { origin } = await live(world);
  let gone = () => {};
  origin.puller.linger = () => new Promise((resolve) => (gone = resolve));
  origin.registry.calls.length = 0;
  world.store.sessions.delete("o1");
  await world.clock.advance(3_000);
  assert.ok(origin.fleet.session.live);
  assert.ok(!origin.registry.calls.includes("claimStream"));
  gone();
  await world.clock.advance(2_000);
  assert.equal(origin.puller.open(CAM).length, 1);
});

test("a status that another has begun under a greater token ends the pull, whatever the lease says", async () => {
  const world = new IngestWorld();
  const { pull } = await live(world);
  const stored = world.store.ingests.get(CAM);
  assert.ok(stored);
  world.store.ingests.replace(CAM, { ...stored, owner: "o9", token: stored.token + 10 });
  await world.clock.advance(1_100);
  assert.equal(pull.over, true);
});
