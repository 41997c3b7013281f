import assert from "node:assert/strict";
import { test } from "node:test";
import type { FakeOrigin } from "../../../support/fake-fleet.ts";
import { CAM, IngestWorld } from "../../../support/ingest-world.ts";
import { unavailable } from "../../../support/shaky-registry.ts";
import type { PortTrouble, Troubles } from "../../../support/troubled.ts";

const LEASE_CALLS: ReadonlySet<string> = new Set(["acquire", "extend", "release", "inspect"]);

/** The registry answers, and nobody who keeps leases does. */
const noLeases: PortTrouble = (ask, method) =>
  LEASE_CALLS.has(method) ? Promise.reject(unavailable()) : ask();

/** Two origins with their planners, one of which pulls. */
async function pulled() {
  const world = new IngestWorld();
  const both = [world.troubledOrigin({ name: "o1" }), world.troubledOrigin({ name: "o2" })];
  for (const { origin } of both) {
    origin.puller.onPull = (pull) => void setImmediate(() => pull.over || pull.flow());
    await origin.fleet.start();
  }
  await world.define(CAM);
  await world.clock.advance(5_000);
  const owner = (await world.record(CAM))?.owner;
  const find = (wanted: boolean) => both.find(({ origin }) => (origin.name === owner) === wanted);
  const [one, other] = [find(true), find(false)];
  assert.ok(one && other);
  return { world, one, other };
}

const pulls = ({ origin }: { readonly origin: FakeOrigin }) => origin.puller.open(CAM).length;

async function endAll(...all: readonly { readonly origin: FakeOrigin; readonly ways: Troubles }[]) {
  for (const { origin, ways } of all) {
    ways.trouble = (ask) => ask();
    await origin.fleet.stop();
  }
}

test("an origin that cannot renew its leases, and whose session lives, does not keep its ingests for ever", async () => {
  const { world, one, other } = await pulled();
  one.ways.trouble = noLeases;
  await world.clock.advance(5_000);
  assert.equal(pulls(one), 0, "it stops in time");
  await world.clock.advance(15_000);
  assert.deepEqual([pulls(one), pulls(other)], [0, 1]);
  assert.equal((await world.record(CAM))?.state, "live");
  await endAll(one, other);
});

test("nor does one whose last word about it was lost", async () => {
  const { world, one, other } = await pulled();
  one.ways.trouble = (ask, method) =>
    method === "report" ? Promise.reject(unavailable()) : noLeases(ask, method);
  await world.clock.advance(6_000);
  assert.deepEqual([pulls(one), (await world.record(CAM))?.state], [0, "live"]);
  one.ways.trouble = noLeases;
  await world.clock.advance(20_000);
  assert.deepEqual([pulls(one), pulls(other)], [0, 1]);
  await endAll(one, other);
});

test("leases that nobody can have for a moment move nothing", async () => {
  const { world, one, other } = await pulled();
  one.ways.trouble = noLeases;
  await world.clock.advance(5_500);
  one.ways.trouble = (ask) => ask();
  await world.clock.advance(10_000);
  assert.deepEqual([pulls(one), pulls(other)], [1, 0]);
  await endAll(one, other);
});
