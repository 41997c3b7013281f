import assert from "node:assert/strict";
import { test } from "node:test";
import type { IngestRegistry } from "../../../../src/domain/ports/ingest-registry.ts";
import type { Registry } from "../../../../src/domain/ports/registry.ts";
import { parseStreamKey, type StreamKey } from "../../../../src/domain/stream-key.ts";
import { createMemoryRegistry } from "../../../../src/registry/memory-registry.ts";
import { FakeWorld, peek } from "../../../support/fake-fleet.ts";
import { ingestOf, ownIngested, planNowhere } from "../../../support/ingest-owner.ts";
import { unavailable } from "../../../support/shaky-registry.ts";

const CAM = "live/cam";
const KEY = parseStreamKey(CAM);

/** An origin that is asked for ingests on demand; what it tells the registry is written down. */
async function onDemand(settings = {}) {
  const world = new FakeWorld();
  const inner = createMemoryRegistry(world.store);
  const told: { at: number; streams: readonly StreamKey[]; ms: number }[] = [];
  const state = { failing: false };
  const demand: IngestRegistry["demand"] = async (streams, ms) => {
    told.push({ at: world.clock.monotonic(), streams, ms });
    if (state.failing) throw unavailable();
    await inner.ingests.demand(streams, ms);
  };
  const ingests = overridden(inner.ingests, { demand });
  const registry: Registry = overridden(inner, { ingests });
  planNowhere(world.store, CAM);
  const asked = await world.start({ name: "asked", registry, settings });
  await inner.ingests.put(ingestOf(CAM, { onDemand: true }), "test");
  return { world, asked, told, state };
}

function overridden<T extends object>(target: T, change: Partial<T>): T {
  return new Proxy(target, {
    get(_target, name) {
      if (name in change) return change[name as keyof T];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

test("the first play of an ingest on demand is told at once, and renewed each second", async () => {
  const { world, asked, told } = await onDemand();
  void asked.watch(CAM);
  await world.clock.advance(0);
  assert.deepEqual(told, [{ at: 0, streams: [KEY], ms: 10_000 }]);
  assert.equal((await asked.registry.ingests.get(KEY))?.demandUntil, world.clock.wall() + 10_000);
  await world.clock.advance(4_900);
  assert.deepEqual(
    told.map(({ at }) => at),
    [0, 1_000, 2_000, 3_000, 4_000],
  );
});

test("it is renewed while players are held, while they are relayed, and not after", async () => {
  const { world, asked, told } = await onDemand();
  const owner = await world.start({ name: "owner" });
  const watched = peek(asked.watch(CAM));
  await world.clock.advance(7_500);
  assert.equal(asked.stateOf(CAM), "held");
  assert.equal(told.at(-1)?.at, 7_000);
  const session = owner.fleet.session.ref;
  assert.ok(session);
  await ownIngested(owner.registry, session, CAM, (name, value) =>
    world.store.leases.set(name, value, 60_000),
  );
  await world.clock.advance(1_000);
  asked.dialer.last.accept().send("picture");
  await world.clock.advance(3_000);
  assert.equal(asked.stateOf(CAM), "relayed");
  assert.equal(told.at(-1)?.at, 11_000);
  watched.value?.leave();
  await world.clock.advance(5_000);
  assert.equal(told.at(-1)?.at, 11_000, "the relay may idle, nobody plays it");
});

test("a relay that others asked for first is renewed for the players here", async () => {
  const { world, asked, told } = await onDemand();
  const owner = await world.start({ name: "owner" });
  const session = owner.fleet.session.ref;
  assert.ok(session);
  await ownIngested(owner.registry, session, CAM, (name, value) =>
    world.store.leases.set(name, value, 60_000),
  );
  void asked.watch(CAM);
  await world.clock.advance(10);
  asked.dialer.last.accept().send("picture");
  await world.clock.advance(2_000);
  assert.deepEqual(
    told.map(({ at, streams }) => [at, streams]),
    [
      [1_000, [KEY]],
      [2_000, [KEY]],
    ],
  );
});

test("many plays of many ingests make one command, and one a second", async () => {
  const { world, asked, told } = await onDemand();
  const names = Array.from({ length: 50 }, (_, i) => `live/cam${i}`);
  for (const name of names) await asked.registry.ingests.put(ingestOf(name, { onDemand: true }), "test");
  for (const name of names) for (let i = 0; i < 4; i++) void asked.play(name).catch(() => {});
  await world.clock.advance(10);
  assert.equal(told.length, 1);
  assert.equal(told[0]?.streams.length, 50);
  await world.clock.advance(3_000);
  assert.deepEqual(
    told.map(({ streams }) => streams.length),
    [50, 50, 50, 50],
  );
});

test("plays that come one after another are gathered for a tenth of a second", async () => {
  const { world, asked, told } = await onDemand();
  for (let i = 0; i < 90; i++) {
    await asked.registry.ingests.put(ingestOf(`live/${i}`, { onDemand: true }), "test");
    void asked.play(`live/${i}`).catch(() => {});
    await world.clock.advance(10);
  }
  assert.ok(told.length <= 10, `${told.length} commands in 900 ms`);
  await world.clock.advance(100);
  const streams = new Set(told.flatMap((command) => command.streams));
  assert.equal(streams.size, 90);
});

test("what is pulled all the time, fed by an encoder, or unknown is not told", async () => {
  const { world, asked, told } = await onDemand();
  await asked.registry.ingests.put(ingestOf("live/always"), "test");
  await asked.live("live/encoder");
  void asked.watch("live/encoder");
  void asked.play("live/always").catch(() => {});
  void asked.play("live/unknown").catch(() => {});
  await world.clock.advance(3_000);
  assert.deepEqual(told, []);
});

test("an ingest that is on demand no more is told no more", async () => {
  const { world, asked, told } = await onDemand();
  void asked.watch(CAM);
  await world.clock.advance(1_500);
  await asked.registry.ingests.put(ingestOf(CAM), "test");
  await world.clock.advance(5_000);
  assert.equal(told.at(-1)?.at, 1_000);
});

test("a demand that the registry did not hear is told again", async () => {
  const { world, asked, told, state } = await onDemand();
  state.failing = true;
  void asked.watch(CAM);
  await world.clock.advance(500);
  state.failing = false;
  await world.clock.advance(600);
  assert.equal(told.length, 2);
  const record = await asked.registry.ingests.get(KEY);
  assert.equal(record?.demandUntil, world.clock.wall() - 100 + 10_000);
});

test("a short idle time does not let demands lapse between renewals", async () => {
  const { world, asked, told } = await onDemand({ ingest: { idleStop: "0s" } });
  void asked.watch(CAM);
  await world.clock.advance(0);
  assert.equal(told[0]?.ms, 3_000);
});

test("a stopped origin tells nothing", async () => {
  const { world, asked, told } = await onDemand();
  void asked.watch(CAM).catch(() => {});
  await world.clock.advance(10);
  await asked.fleet.stop();
  await world.clock.advance(5_000);
  assert.equal(told.length, 1);
});
