import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { createMemoryRegistry } from "../../../src/registry/memory-registry.ts";
import { MemoryStore } from "../../../src/registry/memory-store.ts";
import { packet } from "../../support/fake-channels.ts";
import { codeOf, FakeWorld, peek } from "../../support/fake-fleet.ts";
import { away, fine, mute, only, slowAnswers, unavailable } from "../../support/shaky-registry.ts";

const CAM = "live/cam";

test("a session is renewed every second, however long the answers take", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  await world.clock.advance(10_500);
  assert.equal(origin.registry.calls.filter((call) => call === "heartbeat").length, 10);
  assert.equal((await origin.registry.listOrigins())[0]?.beat, 10);
  assert.equal(origin.fleet.session.live, true);
});

test("renewals do not overlap: a slow answer puts the next one off", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const answers = slowAnswers();
  origin.registry.trouble = only("heartbeat", answers.trouble);
  await world.clock.advance(3_500);
  assert.equal(origin.registry.calls.filter((call) => call === "heartbeat").length, 1);
  answers.release();
  await world.clock.advance(10);
  assert.equal(origin.fleet.session.live, true);
});

test("a renewal that failed is repeated soon, and the session goes on", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const { ref } = origin.fleet.session;
  origin.registry.trouble = away;
  await world.clock.advance(3_000);
  assert.ok(origin.registry.calls.length > 4);
  origin.registry.trouble = fine;
  await world.clock.advance(3_000);
  assert.deepEqual(origin.fleet.session.ref, ref);
  assert.equal(origin.fleet.session.live, true);
});

test("a session that cannot be renewed fences itself before the registry can end it", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  await world.clock.advance(1_000);
  origin.registry.trouble = away;
  await world.clock.advance(4_499);
  assert.equal(origin.fleet.session.live, true);
  await world.clock.advance(1);
  assert.equal(origin.fleet.session.live, false);
  assert.ok((await createMemoryRegistry(world.store).sessionTimeLeft("o1")) > 0);
});

test("a wall clock that jumps ahead fences the session, which begins anew", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const epoch = origin.fleet.session.ref?.epoch ?? 0;
  world.clock.jumpWall(10_000);
  assert.equal(origin.fleet.session.live, false);
  await world.clock.advance(1_500);
  assert.equal(origin.fleet.session.live, true);
  assert.ok((origin.fleet.session.ref?.epoch ?? 0) > epoch);
});

test("an answer that comes after the deadline revives nothing", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const epoch = origin.fleet.session.ref?.epoch ?? 0;
  const answers = slowAnswers();
  origin.registry.trouble = only("heartbeat", answers.trouble);
  await world.clock.advance(4_600);
  assert.equal(origin.fleet.session.live, false);
  origin.registry.trouble = fine;
  answers.release();
  await world.clock.advance(0);
  assert.equal(origin.fleet.session.live, false);
  await world.clock.advance(1_000);
  assert.equal(origin.fleet.session.live, true);
  assert.ok((origin.fleet.session.ref?.epoch ?? 0) > epoch);
});

test("a process that was paused beyond its deadline is fenced at once when it wakes", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  await world.clock.advance(500);
  world.clock.pause(60_000);
  assert.equal(origin.fleet.session.live, false);
  assert.equal(await codeOf(origin.publish(CAM, aborted())), "CLIENT_LEFT");
  await world.clock.advance(1_000);
  assert.equal(origin.fleet.session.live, true);
});

test("a session that was removed begins anew with a greater epoch, and its streams are claimed again", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const publication = await origin.live(CAM);
  const { ref } = origin.fleet.session;
  const token = origin.tokenOf(CAM);
  world.store.sessions.delete("o1");
  await world.clock.advance(2_000);
  const [record] = await origin.registry.listStreams();
  assert.ok((origin.fleet.session.ref?.epoch ?? 0) > (ref?.epoch ?? 0));
  assert.equal(record?.origin, "o1");
  assert.ok((record?.token ?? 0) > token);
  assert.equal(origin.tokenOf(CAM), record?.token);
  assert.equal(publication.revoked.aborted, false);
});

test("a registry that comes back empty never gives a number below those that were seen", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  await origin.live(CAM);
  const token = origin.tokenOf(CAM);
  world.clock.jumpWall(-86_400_000);
  origin.registry.inner = createMemoryRegistry(new MemoryStore(world.clock));
  await world.clock.advance(2_000);
  assert.ok((origin.fleet.session.ref?.epoch ?? 0) > token);
  assert.ok(origin.tokenOf(CAM) > (origin.fleet.session.ref?.epoch ?? 0));
  assert.equal((await origin.registry.listStreams())[0]?.token, origin.tokenOf(CAM));
});

test("numbers count that were read of others, and those of our own sessions", async () => {
  for (const look of [true, false]) {
    const world = new FakeWorld();
    const origin = await world.start();
    const other = await world.start({ name: "o2" });
    await other.live(CAM);
    const seen = look ? other.tokenOf(CAM) : (origin.fleet.session.ref?.epoch ?? 0);
    if (look) await origin.fleet.lookup.find(parseStreamKey(CAM));
    world.clock.jumpWall(-86_400_000);
    origin.registry.inner = createMemoryRegistry(new MemoryStore(world.clock));
    await world.clock.advance(2_000);
    assert.ok((origin.fleet.session.ref?.epoch ?? 0) > seen);
  }
});

test("the registry is tried again until it answers, and everything is registered then", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const publication = await origin.live(CAM);
  const player = await origin.watch(CAM);
  origin.registry.trouble = away;
  await world.clock.advance(60_000);
  publication.source.write(packet("meanwhile"));
  assert.deepEqual(player.received, ["meanwhile"]);
  origin.registry.trouble = fine;
  await world.clock.advance(1_500);
  assert.equal(origin.fleet.session.live, true);
  assert.equal((await origin.registry.listStreams())[0]?.key, CAM);
  assert.equal(publication.revoked.aborted, false);
});

test("a registration whose answer was lost is repeated, and counts once", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  world.store.sessions.delete("o1");
  origin.registry.trouble = only("register", mute);
  await world.clock.advance(2_000);
  assert.equal(origin.fleet.session.live, false);
  origin.registry.trouble = fine;
  await world.clock.advance(2_000);
  const [record] = await origin.registry.listOrigins();
  assert.equal(record?.epoch, origin.fleet.session.ref?.epoch);
  assert.equal(origin.fleet.session.live, true);
});

test("an origin whose name another instance took meanwhile must exit", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const ended = peek(origin.fleet.ended);
  world.store.sessions.delete("o1");
  const other = await world.start({ instance: "another" });
  await world.clock.advance(1_500);
  assert.equal(ended.value?.code, "NAME_CONFLICT");
  assert.match(ended.value?.message ?? "", /another origin is alive under this name at o1\.internal:8080/);
  assert.equal(origin.fleet.session.live, false);
  assert.equal(other.fleet.session.live, true);
  await origin.fleet.stop();
  assert.equal(other.fleet.session.live, true);
  await world.clock.advance(1_000);
  assert.ok((await other.registry.sessionTimeLeft("o1")) > 0);
});

test("the first registration fails loudly", async () => {
  const world = new FakeWorld();
  const origin = world.origin();
  origin.registry.trouble = () => Promise.reject(unavailable());
  assert.equal(await codeOf(origin.fleet.start()), "REGISTRY_UNAVAILABLE");
});

test("a stop during the registration leaves no session behind", async () => {
  const world = new FakeWorld();
  const origin = world.origin();
  const answers = slowAnswers();
  origin.registry.trouble = only("register", answers.trouble);
  const started = peek(origin.fleet.start());
  await world.clock.advance(10);
  const stopped = peek(origin.fleet.stop());
  answers.release();
  await world.clock.advance(10);
  assert.equal(started.pending, false);
  assert.equal(stopped.pending, false);
  assert.deepEqual(await origin.registry.listOrigins(), []);
});

test("a stop during a renewal waits for its answer and renews no more", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const answers = slowAnswers();
  origin.registry.trouble = only("heartbeat", answers.trouble);
  await world.clock.advance(1_000);
  const stopped = peek(origin.fleet.stop());
  await world.clock.advance(10);
  assert.deepEqual(await createMemoryRegistry(world.store).listOrigins(), []);
  answers.release();
  await world.clock.advance(5_000);
  assert.equal(stopped.pending, false);
  assert.deepEqual(await createMemoryRegistry(world.store).listOrigins(), []);
});

test("a stop while the registry is away ends all the same", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const publication = await origin.live(CAM);
  origin.registry.trouble = away;
  await origin.fleet.stop();
  assert.equal(publication.revoked.aborted, true);
});

test("the registry's time is kept, whatever our wall clock does", async () => {
  const world = new FakeWorld();
  const origin = await world.start();
  const before = origin.fleet.session.now();
  world.clock.jumpWall(3_600_000);
  await world.clock.advance(100);
  assert.equal(Math.round(origin.fleet.session.now() - before), 100);
});

function aborted(): AbortController {
  const controller = new AbortController();
  controller.abort();
  return controller;
}
