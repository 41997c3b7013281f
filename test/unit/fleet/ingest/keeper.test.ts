import assert from "node:assert/strict";
import { test } from "node:test";
import { HoldfastError } from "../../../../src/domain/errors.ts";
import { CAM, IngestWorld } from "../../../support/ingest-world.ts";
import { FakePlayer } from "../../../support/fake-channels.ts";

test("a plan line makes a pull, its first keyframe a stream, and players get what comes", async () => {
  const world = new IngestWorld();
  const o1 = await world.start();
  await world.define(CAM, { url: "rtmp://user:secret@source/live/cam?key=1" });
  await world.plan(o1, { [CAM]: "o1" });

  const pull = o1.puller.of(CAM);
  assert.equal(pull.url, "rtmp://user:secret@source/live/cam?key=1");
  assert.equal((await world.record(CAM))?.state, "starting");
  assert.equal(o1.stateOf(CAM), "standby");
  pull.flow("k1");
  await world.clock.advance(0);
  const record = await world.record(CAM);
  assert.deepEqual([record?.state, record?.owner, record?.error], ["live", "o1", ""]);
  const [location] = await world.registry.locate([CAM]);
  assert.deepEqual(
    [location?.record.origin, location?.record.kind, location?.record.publisher],
    ["o1", "ingest", "rtmp://source/live/cam?key=***"],
  );
  assert.equal(o1.stateOf(CAM), "ingested");
  pull.send("k2");
  const player = await o1.watch(CAM);
  pull.send("k3");
  assert.deepEqual(player.received, ["k3"]);
});

test("a lease that is lost stops the pull, and then gives the stream back", async () => {
  const world = new IngestWorld();
  const o1 = await world.start();
  await world.define(CAM);
  await world.plan(o1, { [CAM]: "o1" });
  const pull = o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  const player = FakePlayer.on(o1.channels.open(CAM));
  world.store.leases.delete(`lease:${CAM}`);
  await world.clock.advance(1_000);
  assert.equal(pull.over, true);
  assert.equal((await world.registry.locate([CAM]))[0], undefined);
  assert.equal(player.fate(), "playing");
  assert.equal(o1.fleet.ingests.counts.losses, 1);
  await world.clock.advance(1_000);
  assert.equal(o1.puller.open(CAM).length, 1, "and the plan begins it again");
});

test("a source that breaks is pulled again", async () => {
  const world = new IngestWorld();
  const o1 = await world.start();
  await world.define(CAM);
  await world.plan(o1, { [CAM]: "o1" });
  o1.puller
    .of(CAM)
    .flow()
    .fail(new HoldfastError("SOURCE_FAILED", { detail: "reset" }));
  await world.clock.advance(0);
  const record = await world.record(CAM);
  assert.deepEqual([record?.state, record?.error], ["retrying", "reset"]);
  await world.clock.advance(500);
  o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  assert.equal((await world.record(CAM))?.state, "live");
});

test("removal ends the stream for its players", async () => {
  const world = new IngestWorld();
  const o1 = await world.start();
  await world.define(CAM);
  await world.plan(o1, { [CAM]: "o1" });
  const pull = o1.puller.of(CAM).flow();
  await world.clock.advance(0);
  pull.send("more");
  const player = await o1.watch(CAM);
  await world.ingests.remove(CAM, "test");
  await world.clock.advance(0);
  assert.equal(pull.over, true);
  assert.equal(player.fate(), "STREAM_ENDED");
  assert.equal(await world.holder(CAM), undefined);
});
