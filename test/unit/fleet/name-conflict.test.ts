import assert from "node:assert/strict";
import { test } from "node:test";
import type { HoldfastError } from "../../../src/domain/errors.ts";
import { FakeWorld, peek, type FakeOrigin } from "../../support/fake-fleet.ts";

const PEER = "o1.internal:8080";

/** A second process under the name of the first; the first is paused when it should look dead. */
async function two(): Promise<{ world: FakeWorld; first: FakeOrigin; second: FakeOrigin }> {
  const world = new FakeWorld();
  const first = await world.start({ instance: "first" });
  return { world, first, second: world.origin({ instance: "second" }) };
}

test("a name whose holder answers under its own instance id is taken", async () => {
  const { world, first, second } = await two();
  second.probe.answer(PEER, { outcome: "instance", instance: "first" });
  const started = peek(second.fleet.start());
  await world.clock.advance(0);
  assert.equal(started.error?.code, "NAME_CONFLICT");
  assert.match(started.error?.message ?? "", /another origin is alive under this name at o1\.internal:8080/);
  await world.clock.advance(3_000);
  assert.equal(first.fleet.session.live, true);
});

test("a holder whose address answers with my own instance id is my predecessor, and replaced at once", async () => {
  const { world, second } = await two();
  second.probe.answer(PEER, { outcome: "instance", instance: "second" });
  const started = peek(second.fleet.start());
  await world.clock.advance(0);
  assert.equal(started.pending, false);
  assert.equal(second.fleet.session.live, true);
});

test("a holder whose address refuses is gone, and replaced at once", async () => {
  const { world, second } = await two();
  second.probe.answer(PEER, { outcome: "refused" });
  const started = peek(second.fleet.start());
  await world.clock.advance(0);
  assert.equal(started.pending, false);
  assert.equal(second.fleet.session.live, true);
});

test("a silent holder whose beat goes on is alive", async () => {
  const { world, first, second } = await two();
  const started = peek(second.fleet.start());
  await world.clock.advance(900);
  assert.equal(started.pending, true);
  await world.clock.advance(600);
  assert.equal(started.error?.code, "NAME_CONFLICT");
  assert.equal(first.fleet.session.live, true);
});

test("a silent holder whose beat stands still is waited for, no longer than its time to live", async () => {
  const { world, first, second } = await two();
  first.clock.pause();
  const started = peek(second.fleet.start());
  await world.clock.advance(4_000);
  assert.equal(started.pending, true);
  await world.clock.advance(1_300);
  assert.equal(started.pending, false);
  assert.equal(second.fleet.session.live, true);
});

test("somebody else at the holder's address proves nothing: its beat decides", async () => {
  const { world, first, second } = await two();
  second.probe.answer(PEER, { outcome: "instance", instance: "a third" });
  const started = peek(second.fleet.start());
  await world.clock.advance(1_500);
  assert.equal(started.error?.code, "NAME_CONFLICT");
  assert.equal(first.fleet.session.live, true);
});

test("two newcomers after one dead holder: one gets the name, the other hears of it", async () => {
  const { world, first, second } = await two();
  const third = world.origin({ instance: "third" });
  first.clock.pause();
  const started = [peek(second.fleet.start()), peek(third.fleet.start())];
  await world.clock.advance(10_000);
  assert.deepEqual(started.map(({ error }) => error?.code ?? "started").sort(), ["NAME_CONFLICT", "started"]);
});

test("the process that was replaced while it slept exits when it wakes, and harms nothing", async () => {
  const { world, first, second } = await two();
  await first.live("live/cam");
  const ended = peek<HoldfastError>(first.fleet.ended);
  first.clock.pause();
  second.probe.answer(PEER, { outcome: "refused" });
  await second.fleet.start();
  await second.live("live/cam");
  first.clock.resume();
  await world.clock.advance(1_500);
  assert.equal(ended.value?.code, "NAME_CONFLICT");
  await first.fleet.stop();
  const [record] = await second.registry.listStreams();
  assert.equal(record?.epoch, second.fleet.session.ref?.epoch);
});

test("the process that was replaced while it slept takes nothing back, even where the newcomer seems gone", async () => {
  const { world, first, second } = await two();
  const ended = peek<HoldfastError>(first.fleet.ended);
  first.clock.pause();
  second.probe.answer(PEER, { outcome: "refused" });
  await second.fleet.start();
  first.probe.answer(PEER, { outcome: "refused" });
  await world.clock.advance(6_000);
  first.clock.resume();
  await world.clock.advance(3_000);
  assert.equal(ended.value?.code, "NAME_CONFLICT");
  assert.equal(second.fleet.session.live, true);
});
