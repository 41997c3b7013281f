import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "../../../../src/domain/errors.ts";
import type { FakeOrigin } from "../../../support/fake-fleet.ts";
import { packet } from "../../../support/fake-channels.ts";
import { CAM, IngestWorld } from "../../../support/ingest-world.ts";

async function one(more: Parameters<IngestWorld["define"]>[1] = {}, name = "o1") {
  const world = new IngestWorld();
  const o1 = await world.start({ name });
  await world.define(CAM, more);
  return { world, o1 };
}

/** Sources that cannot be reached. */
function refuse(origin: FakeOrigin): void {
  const error = new HoldfastError("SOURCE_UNREACHABLE", { detail: "connection refused" });
  origin.puller.onPull = (pull) => void setImmediate(() => pull.fail(error));
}

test("three failures make a mark, and give the lease back", async () => {
  const { world, o1 } = await one();
  await world.start({ name: "o2" });
  refuse(o1);
  await world.plan(o1, { [CAM]: "o1" });
  await world.clock.advance(4_000);
  const record = await world.record(CAM);
  assert.equal(o1.puller.pulls.length, 3);
  assert.deepEqual([record?.state, record?.error], ["retrying", "connection refused"]);
  const [mark] = record?.marks ?? [];
  assert.deepEqual([mark?.origin, mark?.count], ["o1", 1]);
  assert.ok((mark?.until ?? 0) > world.store.now() + 5_000);
  assert.equal(await world.holder(CAM), undefined);
  assert.equal(o1.fleet.ingests.counts.failures.get("SOURCE_UNREACHABLE"), 3);
});

test("a source that failed everywhere rests, and is tried again when its mark is over", async () => {
  const { world, o1 } = await one();
  refuse(o1);
  await world.plan(o1, { [CAM]: "o1" });
  await world.clock.advance(4_000);
  assert.equal((await world.record(CAM))?.state, "resting");
  await world.clock.advance(5_000);
  assert.equal(o1.puller.pulls.length, 3);
  await world.clock.advance(8_000);
  assert.equal(o1.puller.pulls.length, 6);
  const [mark] = (await world.record(CAM))?.marks ?? [];
  assert.equal(mark?.count, 2);
  assert.ok((mark?.until ?? 0) > world.store.now() + 10_000, "twice as long");
});

test("a source that works for 10 s is forgiven", async () => {
  const { world, o1 } = await one();
  refuse(o1);
  await world.plan(o1, { [CAM]: "o1" });
  await world.clock.advance(4_000);
  o1.puller.onPull = (pull) => void setImmediate(() => pull.flow());
  await world.clock.advance(12_000);
  assert.deepEqual((await world.record(CAM))?.marks.length, 1);
  await world.clock.advance(12_000);
  assert.deepEqual((await world.record(CAM))?.marks, []);
});

test("an answer without a keyframe is a failure", async () => {
  const { world, o1 } = await one();
  await world.plan(o1, { [CAM]: "o1" });
  const pull = o1.puller.of(CAM).open();
  pull.send("sound comes", "data");
  await world.clock.advance(10_100);
  assert.equal(pull.over, true);
  assert.match((await world.record(CAM))?.error ?? "", /no keyframe came within 10000 ms/);
});

test("a source that never answers is given up after 15 s", async () => {
  const { world, o1 } = await one();
  await world.start({ name: "o2" });
  await world.plan(o1, { [CAM]: "o1" });
  await world.clock.advance(15_200);
  assert.equal(o1.puller.open(CAM).length, 0);
  assert.equal((await world.record(CAM))?.marks.length, 1);
});

test("sound alone begins the stream once a picture was waited for", async () => {
  const { world, o1 } = await one();
  await world.plan(o1, { [CAM]: "o1" });
  const pull = o1.puller.of(CAM).open();
  const channel = o1.channels.open(CAM);
  assert.equal(channel.ready, false);
  for (let i = 0; i < 11; i++) {
    pull.send("sound", "audio");
    await world.clock.advance(1_000);
  }
  pull.send("sound", "audio");
  await world.clock.advance(0);
  assert.equal(pull.over, false);
  assert.equal((await world.record(CAM))?.state, "live");
});

test("an encoder that has the name keeps it: the ingest waits, and says so", async () => {
  const { world, o1 } = await one();
  await world.ingests.setEnabled(CAM, false, "test");
  const publication = await o1.live(CAM);
  await world.ingests.setEnabled(CAM, true, "test");
  await world.plan(o1, { [CAM]: "o1" });
  o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  const record = await world.record(CAM);
  assert.equal(record?.state, "retrying");
  assert.match(record?.error ?? "", /an encoder publishes live\/cam through origin o1/);
  await world.clock.advance(30_000);
  assert.equal(o1.puller.open(CAM).length, 0, "the source is left alone meanwhile");
  assert.deepEqual((await world.record(CAM))?.marks, []);
  publication.source.write(packet("mine"));
  assert.equal(o1.stateOf(CAM), "published");
  publication.end("disconnected");
  await world.clock.advance(3_000);
  o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  assert.equal(o1.stateOf(CAM), "ingested");
});

test("away from captureAt the fallbacks are pulled in turn, and its own URL at home", async () => {
  const fallback = ["rtmp://backup/1", "rtmp://backup/2"];
  const { world, o1 } = await one({ captureAt: "o2", fallback });
  await world.plan(o1, { [CAM]: "o1" });
  assert.equal(o1.puller.of(CAM).url, "rtmp://backup/1");
  o1.puller.of(CAM).fail();
  await world.clock.advance(1_000);
  assert.equal(o1.puller.of(CAM).url, "rtmp://backup/2");
  o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  assert.equal((await world.record(CAM))?.profile, 2);
  const o2 = await world.start({ name: "o2" });
  await world.plan(o1, { [CAM]: "o2" });
  await world.clock.advance(1_000);
  const home = o2.puller.of(CAM).flow();
  await world.clock.advance(0);
  assert.equal(home.url, "rtmp://source/live/cam");
  const record = await world.record(CAM);
  assert.deepEqual([record?.profile, record?.owner, record?.state], [0, "o2", "live"]);
  await world.plan(o1, { [CAM]: "o1" });
  await world.clock.advance(1_000);
  assert.equal(o1.puller.of(CAM).url, "rtmp://backup/1");
});

test("a changed URL is pulled at once, under the same lease", async () => {
  const { world, o1 } = await one();
  await world.plan(o1, { [CAM]: "o1" });
  const before = o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  const { token } = (await world.record(CAM)) ?? {};
  await world.define(CAM, { url: "rtmp://other/cam" });
  await world.clock.advance(1_000);
  assert.equal(before.over, true);
  assert.equal(o1.puller.of(CAM).url, "rtmp://other/cam");
  assert.equal((await world.record(CAM))?.token, token);
});

test("a paused ingest stops at the notice, and its players are told", async () => {
  const { world, o1 } = await one();
  await world.plan(o1, { [CAM]: "o1" });
  const pull = o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  pull.send("ready");
  const player = await o1.watch(CAM);
  await world.ingests.setEnabled(CAM, false, "test");
  await world.clock.advance(0);
  assert.equal(pull.over, true);
  assert.equal(player.fate(), "STREAM_ENDED");
  await world.ingests.setEnabled(CAM, true, "test");
  await world.clock.advance(1_000);
  assert.equal(o1.puller.open(CAM).length, 1);
});

test("on demand it is pulled while somebody plays it, and for idleStop longer", async () => {
  const { world, o1 } = await one({ onDemand: true });
  await world.plan(o1, { [CAM]: "o1" });
  await world.clock.advance(2_000);
  assert.equal(o1.puller.open(CAM).length, 0);
  await world.ingests.demand([CAM], 2_000);
  await world.clock.advance(1_000);
  const pull = o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  pull.send("ready");
  const player = await o1.watch(CAM);
  await world.clock.advance(60_000);
  assert.equal(pull.over, false);
  player.leave();
  await world.clock.advance(8_000);
  assert.equal(pull.over, false);
  await world.clock.advance(4_000);
  assert.equal(pull.over, true);
  assert.equal((await world.record(CAM))?.state, "idle");
  assert.equal(await world.holder(CAM), undefined);
});

test("no more than startsPerSecond pulls begin within a second", async () => {
  const world = new IngestWorld();
  const o1 = await world.start({ settings: { ingest: { startsPerSecond: 5 } } });
  const names = Array.from({ length: 23 }, (_, i) => `live/c${i}`);
  for (const name of names) await world.define(name);
  await world.plan(o1, Object.fromEntries(names.map((name) => [name, "o1"])));
  const counts: number[] = [];
  for (let second = 0; second < 5; second++) {
    counts.push(o1.puller.pulls.length);
    await world.clock.advance(1_000);
  }
  assert.deepEqual(counts, [5, 10, 15, 20, 23]);
});

test("a source that works now and then is not given up: only tries without a keyframe count", async () => {
  const { world, o1 } = await one();
  await world.plan(o1, { [CAM]: "o1" });
  const { token } = (await world.record(CAM)) ?? {};
  for (let i = 0; i < 6; i++) {
    o1.puller.of(CAM).flow();
    await world.clock.advance(8_000);
    o1.puller.of(CAM).fail();
    while (o1.puller.open(CAM).length === 0) await world.clock.advance(1_000);
  }
  const record = await world.record(CAM);
  assert.deepEqual([record?.marks, record?.token], [[], token]);
  assert.equal(o1.puller.open(CAM).length, 1);
});
