import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { leaseOf, PLANNER_LEASE } from "../../../src/domain/ingest.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { Obituary } from "../../../src/fleet/obituary.ts";
import { FakePeerLinks } from "../../support/fake-peer-links.ts";
import { FakePeerProbe } from "../../support/fake-peer-probe.ts";
import { PlanningFleet, type PlanningOrigin } from "../../support/planning-origin.ts";

/** A watcher at `watcher`, with links and a probe of the test's. */
function watchFrom(watcher: PlanningOrigin) {
  const [links, probe] = [new FakePeerLinks(), new FakePeerProbe()];
  const { registry, leases, clock, name: self } = watcher;
  const log = pino({ level: "silent" });
  const obituary = new Obituary({ registry, leases, links, probe, clock, log, self, random: () => 0.5 });
  obituary.start();
  return { links, probe, obituary };
}

async function scene(names: readonly string[] = ["o1", "o2", "o3"]) {
  const fleet = new PlanningFleet();
  for (const name of names) await fleet.join(name);
  const of = (name: string) => fleet.origins.get(name) as PlanningOrigin;
  const watch = watchFrom(of("o1"));
  await fleet.advance(100);
  const stop = async () => {
    // Both wait for what is under way: time must pass meanwhile.
    const stopped = watch.obituary.stop();
    await fleet.advance(1_000);
    await stopped;
    await fleet.stop();
  };
  const buried = async () =>
    (await fleet.admin.recentEvents(50))
      .filter(({ type }) => type === "buried")
      .map(({ fields }) => fields["origin"]);
  return { fleet, of, ...watch, buried, stop };
}

const REFUSED = { outcome: "refused" } as const;

test("a peer whose link ends, whose address refuses and that does not beat is buried within half a second", async () => {
  const { fleet, of, links, probe, buried, stop } = await scene();
  assert.deepEqual(links.peers, ["o2", "o3"]);
  await fleet.put("live/a", { captureAt: "o2" });
  await fleet.advance(5_000);
  assert.equal(of("o2").held.size, 1);
  of("o2").die();
  probe.answer("o2.internal:8080", REFUSED);
  links.end("o2");
  await fleet.advance(500);
  assert.deepEqual(await buried(), ["o2"]);
  assert.equal(await fleet.admin.sessionTimeLeft("o2"), 0);
  await fleet.advance(600);
  const record = await fleet.admin.ingests.get(parseStreamKey("live/a"));
  assert.notEqual(record?.owner, "o2", "its lease was ended, too: somebody else pulls it by now");
  assert.equal(record?.state, "live");
  await stop();
});

test("the planner's lease is ended with its holder", async () => {
  const { fleet, of, links, probe, stop } = await scene();
  await fleet.advance(5_000);
  const holder = (await of("o1").leases.inspect(PLANNER_LEASE))?.holder.origin ?? "";
  const { epoch } = of("o2").session.ref ?? { epoch: 0 };
  if (holder !== "o2") {
    // Let it be the planner's turn of the one that dies.
    await of(holder).planner.stop();
    fleet.store.leases.set(PLANNER_LEASE, `o2@${epoch}#1`, 5_000);
  }
  of("o2").die();
  probe.answer("o2.internal:8080", REFUSED);
  links.end("o2");
  await fleet.advance(900);
  assert.notEqual((await of("o1").leases.inspect(PLANNER_LEASE))?.holder.origin, "o2");
  await stop();
});

test("its successor under the same name proves a death as well, a stranger at its address does not", async () => {
  const { fleet, of, links, probe, buried, stop } = await scene();
  of("o2").die();
  of("o3").die();
  probe.answer("o2.internal:8080", { outcome: "instance", instance: "new", name: "o2" });
  probe.answer("o3.internal:8080", { outcome: "instance", instance: "other", name: "o9" });
  links.end("o2");
  links.end("o3");
  await fleet.advance(1_500);
  assert.deepEqual(await buried(), ["o2"]);
  await stop();
});

test("silence proves nothing, and neither does a link that a time-out ended", async () => {
  const { fleet, of, links, probe, buried, stop } = await scene();
  of("o2").die();
  of("o3").die();
  links.end("o2");
  probe.answer("o3.internal:8080", REFUSED);
  links.end("o3", "silent");
  await fleet.advance(3_000);
  assert.deepEqual(await buried(), []);
  await stop();
});

test("a process that beats is not buried, though its port refuses", async () => {
  const { fleet, of, links, probe, buried, stop } = await scene();
  await of("o2").registry.onNotice("o2", ({ type }) => {
    if (type === "suspected") of("o2").session.hurry();
  });
  probe.answer("o2.internal:8080", REFUSED);
  for (let round = 0; round < 4; round++) {
    links.end("o2");
    await fleet.advance(2_130);
  }
  assert.deepEqual(await buried(), []);
  assert.ok(of("o2").session.live);
  await stop();
});

test("a peer that answers again is linked again", async () => {
  const { fleet, links, probe, buried, stop } = await scene();
  probe.answer("o2.internal:8080", { outcome: "instance", instance: "instance-of-o2", name: "o2" });
  links.end("o2");
  await fleet.advance(300);
  assert.deepEqual(links.peers, ["o3"]);
  await fleet.advance(1_000);
  assert.deepEqual(links.peers, ["o2", "o3"]);
  assert.deepEqual(await buried(), []);
  await stop();
});

test("who left in order is not buried, and not watched any more", async () => {
  const { fleet, of, links, probe, buried, stop } = await scene();
  const leaving = of("o2").stop();
  await fleet.advance(500);
  await leaving;
  links.gone.add("o2");
  probe.answer("o2.internal:8080", REFUSED);
  links.end("o2");
  await fleet.advance(5_000);
  assert.deepEqual(await buried(), []);
  assert.deepEqual(links.peers, ["o3"]);
  await stop();
});

test("who was buried alive registers anew", async () => {
  const { fleet, of, links, probe, buried, stop } = await scene();
  const { epoch } = of("o2").session.ref ?? { epoch: 0 };
  // Its notices are lost, and its port is shut: it does not hear that it is suspected.
  probe.answer("o2.internal:8080", REFUSED);
  links.end("o2");
  await fleet.advance(400);
  if ((await buried()).length === 0) {
    links.end("o2");
    await fleet.advance(900);
  }
  await fleet.advance(2_500);
  const [again] = (await fleet.admin.listOrigins()).filter(({ name }) => name === "o2");
  assert.ok(again && again.epoch > epoch);
  await stop();
});

test("leases of others are left alone", async () => {
  const { fleet, of, links, probe, stop } = await scene();
  await fleet.put("live/b", { captureAt: "o3" });
  await fleet.advance(5_000);
  const lease = leaseOf(parseStreamKey("live/b"));
  const before = await of("o1").leases.inspect(lease);
  assert.equal(before?.holder.origin, "o3");
  of("o2").die();
  probe.answer("o2.internal:8080", REFUSED);
  links.end("o2");
  await fleet.advance(1_000);
  assert.deepEqual((await of("o1").leases.inspect(lease))?.holder, before.holder);
  await stop();
});
