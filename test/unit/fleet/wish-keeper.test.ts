import assert from "node:assert/strict";
import { test } from "node:test";
import type { HoldfastError } from "../../../src/domain/errors.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { packet } from "../../support/fake-channels.ts";
import { FakeWorld, peek } from "../../support/fake-fleet.ts";
import { away, fine } from "../../support/shaky-registry.ts";

const CAM = "live/cam";
const KEY = parseStreamKey(CAM);

async function two(settings = {}) {
  const world = new FakeWorld();
  const a = await world.start({ name: "a", settings });
  const b = await world.start({ name: "b", settings });
  return { world, a, b };
}

test("a wish to drain is heard at once, whoever asked for it, and can be taken back", async () => {
  const { world, a, b } = await two();
  const live = await a.live(CAM);
  await b.registry.wishState("a", "draining", "test");
  await world.clock.advance(20);
  assert.equal(a.fleet.drain.active, true);
  assert.equal(b.fleet.drain.active, false);
  assert.equal((await b.registry.listOrigins())[0]?.state, "draining");
  await world.clock.advance(3_000);
  await b.registry.wishState("a", "up", "test");
  await world.clock.advance(20);
  assert.equal(a.fleet.drain.active, false);
  assert.equal((await b.registry.listOrigins())[0]?.state, "up");
  await world.clock.advance(60_000);
  assert.equal(live.revoked.aborted, false);
});

test("a wish whose notice was lost is heard with the next renewal, and acted on once", async () => {
  const { world, a, b } = await two();
  a.registry.deaf = true;
  await a.live(CAM);
  await b.registry.wishState("a", "draining", "test");
  await world.clock.advance(1_100);
  assert.equal(a.fleet.drain.active, true);
  assert.equal(a.fleet.drain.leave(), true, "by the program itself");
  await world.clock.advance(5_000);
  assert.equal(a.fleet.drain.active, false, "the same wish, told again, must not begin another drain");
  await b.registry.wishState("a", "draining", "test");
  await world.clock.advance(1_100);
  assert.equal(a.fleet.drain.active, true);
});

test("a drain that was wished ends as every drain does", async () => {
  const { world, a, b } = await two();
  const finished = peek(a.fleet.drain.finished);
  await a.live(CAM);
  await b.registry.wishState("a", "draining", "test");
  await world.clock.advance(8_000);
  assert.equal(finished.value, "empty");
});

test("a wish is not for the next session of the name", async () => {
  const { world, a, b } = await two();
  a.registry.trouble = away;
  await b.registry.wishState("a", "draining", "test");
  await world.clock.advance(10_000);
  a.registry.trouble = fine;
  await world.clock.advance(3_000);
  assert.equal(a.fleet.session.live, true);
  assert.equal(a.fleet.drain.active, false);
});

test("a kick resets the encoder, keeps the players, and does not hit the one that comes next", async () => {
  const { world, a, b } = await two();
  const first = await a.live(CAM);
  const player = await a.watch(CAM);
  assert.ok(await b.registry.kickStream(KEY, "test"));
  await world.clock.advance(20);
  const reason = first.revoked.reason as HoldfastError;
  assert.equal(reason.code, "KICKED");
  assert.match(reason.message, /an operator disconnected the encoder of live\/cam/);
  assert.equal(a.stateOf(CAM), "held");
  assert.equal(await b.registry.kickStream(KEY, "test"), undefined, "its record is released");
  const [event] = await b.registry.recentEvents(1);
  assert.deepEqual([event?.type, event?.fields["reason"]], ["released", "kicked"]);
  const second = await a.live(CAM, "second");
  await world.clock.advance(40_000);
  second.source.write(packet("still here"));
  assert.equal(second.revoked.aborted, false);
  assert.equal(player.fate(), "playing");
  assert.equal(player.received.at(-1), "still here");
});

test("a kick that comes late, after a second encoder took the stream over, hits nobody", async () => {
  const { world, a, b } = await two();
  a.registry.deaf = true;
  await a.live(CAM);
  await b.registry.kickStream(KEY, "test");
  const second = await a.live(CAM, "second");
  await world.clock.advance(5_000);
  assert.equal(second.revoked.aborted, false);
});

test("a standby goes on for an encoder that was kicked, and is not hit itself", async () => {
  const { world, a, b } = await two({ publish: { onDuplicate: "standby" } });
  const first = await a.live(CAM);
  const second = await a.publish(CAM);
  second.source.write(packet("standby"));
  await b.registry.kickStream(KEY, "test");
  await world.clock.advance(1_000);
  assert.equal(first.revoked.aborted, true);
  assert.equal(second.revoked.aborted, false);
  assert.equal(a.stateOf(CAM), "published");
});
