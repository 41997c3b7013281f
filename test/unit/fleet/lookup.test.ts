import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { Lookup } from "../../../src/fleet/lookup.ts";
import { createMemoryRegistry } from "../../../src/registry/memory-registry.ts";
import { FakeWorld, codeOf, peek } from "../../support/fake-fleet.ts";
import { away, fine, held, shakyRegistry, slowAnswers } from "../../support/shaky-registry.ts";

const CAM = parseStreamKey("live/cam");

async function setUp() {
  const world = new FakeWorld();
  const origin = await world.start();
  const registry = shakyRegistry(createMemoryRegistry(world.store));
  return { world, origin, registry, lookup: new Lookup({ registry, clock: world.clock }) };
}

test("an owner is believed for a quarter of a second", async () => {
  const { world, origin, registry, lookup } = await setUp();
  await origin.live(CAM);
  assert.equal((await lookup.find(CAM))?.owner.name, "o1");
  await world.clock.advance(249);
  assert.equal((await lookup.find(CAM))?.owner.name, "o1");
  assert.equal(registry.calls.length, 1);
  await world.clock.advance(1);
  await lookup.find(CAM);
  assert.equal(registry.calls.length, 2);
});

test("what was forgotten is asked for again", async () => {
  const { origin, registry, lookup } = await setUp();
  await origin.live(CAM);
  await lookup.find(CAM);
  lookup.forget(CAM);
  await lookup.find(CAM);
  assert.equal(registry.calls.length, 2);
});

test("plays that come together share one question", async () => {
  const { origin, registry, lookup } = await setUp();
  await origin.live(CAM);
  const found = await Promise.all(Array.from({ length: 200 }, () => lookup.find(CAM)));
  assert.ok(found.every((location) => location?.owner.name === "o1"));
  assert.equal(registry.calls.length, 1);
});

test("a play that comes after the question was sent is not told what was true before it", async () => {
  const { world, origin, registry, lookup } = await setUp();
  const empty = slowAnswers();
  registry.trouble = empty.trouble;
  const early = peek(lookup.find(CAM));
  await world.clock.advance(0);
  // The publish is done before the late plays come.
  await origin.live(CAM);
  const late = [peek(lookup.find(CAM)), peek(lookup.find(CAM))];
  registry.trouble = fine;
  empty.release();
  await world.clock.advance(0);
  assert.equal(early.pending, false);
  assert.equal(early.value, undefined);
  for (const play of late) assert.equal(play.value?.owner.name, "o1");
  assert.equal(registry.calls.length, 2);
});

test("nobody is never remembered", async () => {
  const { registry, lookup } = await setUp();
  assert.equal(await lookup.find(CAM), undefined);
  assert.equal(await lookup.find(CAM), undefined);
  assert.equal(registry.calls.length, 2);
});

test("everybody who waited hears that the registry is away, and the next one asks anew", async () => {
  const { origin, registry, lookup } = await setUp();
  await origin.live(CAM);
  registry.trouble = away;
  const codes = await Promise.all([codeOf(lookup.find(CAM)), codeOf(lookup.find(CAM))]);
  assert.deepEqual(codes, ["REGISTRY_UNAVAILABLE", "REGISTRY_UNAVAILABLE"]);
  registry.trouble = fine;
  assert.equal((await lookup.find(CAM))?.owner.name, "o1");
});

test("an answer that was forgotten on its way is not remembered", async () => {
  const { world, origin, registry, lookup } = await setUp();
  await origin.live(CAM);
  const gate = held();
  registry.trouble = gate.trouble;
  const found = lookup.find(CAM);
  lookup.forget(CAM);
  gate.release();
  await found;
  await world.clock.advance(0);
  assert.equal(lookup.peek(CAM), undefined);
});

test("a storm of plays of many streams asks a few questions, and each play gets its own answer", async () => {
  const { world, origin, registry, lookup } = await setUp();
  const keys = Array.from({ length: 200 }, (_, number) => parseStreamKey(`live/cam${number}`));
  for (const key of keys.filter((_, number) => number % 2 === 0)) await origin.live(key);
  const slow = slowAnswers();
  registry.trouble = slow.trouble;
  const plays = keys.map((key) => peek(lookup.find(key)));
  await world.clock.advance(0);
  registry.trouble = fine;
  slow.release();
  await world.clock.advance(0);
  plays.forEach((play, number) => {
    assert.equal(play.pending, false);
    assert.equal(play.value?.record.key, number % 2 === 0 ? `live/cam${number}` : undefined);
  });
  assert.ok(registry.calls.length < 10, `${registry.calls.length} questions`);
});

test("a failed question fails those who asked it, and the next one is sent", async () => {
  const { origin, registry, lookup } = await setUp();
  await origin.live(CAM);
  registry.trouble = away;
  const keys = Array.from({ length: 20 }, (_, number) => parseStreamKey(`live/x${number}`));
  const codes = await Promise.all(keys.map((key) => codeOf(lookup.find(key))));
  assert.deepEqual([...new Set(codes)], ["REGISTRY_UNAVAILABLE"]);
  registry.trouble = fine;
  assert.equal((await lookup.find(CAM))?.owner.name, "o1");
});
