import assert from "node:assert/strict";
import { PLANNER_LEASE } from "../../src/domain/ingest.ts";
import type { SessionRef } from "../../src/domain/origin-record.ts";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { leaseValue } from "../../src/registry/lease-value.ts";
import { waitFor } from "../support/wait.ts";
import { join, KEY, type Fleet } from "./fleet-fixture.ts";
import { fleetTest, type OpenFleet } from "./in-fleet.ts";
import { define } from "./ingests.contract.ts";

const OTHER = parseStreamKey("live/other");

/** Become the planner. Returns the term. */
async function elect(fleet: Fleet, registry: Registry, session: SessionRef): Promise<number> {
  const term = await registry.ingests.drawToken(session, 0);
  await fleet.setLease(
    PLANNER_LEASE,
    leaseValue({ origin: session.name, epoch: session.epoch, token: term }),
  );
  return term;
}

const line = (origin: string, stream = KEY) => ({ stream, origin, why: "least loaded" });

export function planContract(open: OpenFleet): void {
  fleetTest(open, "a plan is written by differences, and read whole", async (fleet) => {
    const registry = await fleet.open();
    const { ingests } = registry;
    assert.deepEqual(await ingests.plan(), { term: 0, at: 0, by: "", lines: [] });
    const session = await join(registry, "o1");
    const term = await elect(fleet, registry, session);
    assert.equal(await ingests.writePlan(session, term, [line("o1"), line("o2", OTHER)], []), true);
    const plan = await ingests.plan();
    assert.deepEqual([plan.term, plan.by], [term, "o1"]);
    assert.deepEqual(plan.lines.toSorted(byStream), [line("o1"), line("o2", OTHER)]);
    assert.equal(await ingests.writePlan(session, term, [line("o3")], [OTHER]), true);
    assert.deepEqual((await ingests.plan()).lines, [line("o3")]);
    await fleet.advance(20);
    assert.equal(await ingests.writePlan(session, term, [], []), true);
    assert.ok((await ingests.plan()).at > plan.at);
  });

  fleetTest(open, "a stream whose app begins with an underscore has its line, too", async (fleet) => {
    const registry = await fleet.open();
    const { ingests } = registry;
    const session = await join(registry, "o1");
    const term = await elect(fleet, registry, session);
    const lines = ["_live/cam", "_term/cam", "_at/_by", "_why/cam"].map((key) =>
      line("o1", parseStreamKey(key)),
    );
    assert.equal(await ingests.writePlan(session, term, lines, []), true);
    assert.deepEqual((await ingests.plan()).lines.toSorted(byStream), lines.toSorted(byStream));
  });

  fleetTest(open, "a planner that slept cannot overwrite a newer plan", async (fleet) => {
    const registry = await fleet.open();
    const { ingests } = registry;
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    const old = await elect(fleet, registry, one);
    const term = await elect(fleet, registry, two);
    assert.equal(await ingests.writePlan(one, old, [line("o1")], []), false);
    assert.equal(await ingests.writePlan(two, term, [line("o2")], []), true);
    await fleet.setLease(PLANNER_LEASE, leaseValue({ origin: "o1", epoch: one.epoch, token: old }));
    assert.equal(await ingests.writePlan(one, old, [line("o1")], []), false);
    assert.deepEqual((await ingests.plan()).lines, [line("o2")]);
  });

  fleetTest(open, "a planner without a session writes nothing", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const term = await elect(fleet, registry, session);
    const ghost = { ...session, epoch: session.epoch - 1 };
    assert.equal(await registry.ingests.writePlan(ghost, term, [line("o1")], []), false);
    assert.deepEqual((await registry.ingests.plan()).lines, []);
  });

  fleetTest(open, "a plan of more lines than a script takes is written whole", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const term = await elect(fleet, registry, session);
    const lines = Array.from({ length: 1_203 }, (_, i) => line("o1", parseStreamKey(`live/c${i}`)));
    assert.equal(await registry.ingests.writePlan(session, term, lines, []), true);
    assert.equal((await registry.ingests.plan()).lines.length, 1_203);
    const gone = lines.slice(0, 1_100).map(({ stream }) => stream);
    assert.equal(await registry.ingests.writePlan(session, term, [], gone), true);
    assert.equal((await registry.ingests.plan()).lines.length, 103);
  });

  fleetTest(open, "those whose lines change are woken", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const heard: string[] = [];
    for (const name of ["o2", "o3", "o4"]) await registry.onNotice(name, () => heard.push(name));
    const term = await elect(fleet, registry, session);
    await registry.ingests.writePlan(session, term, [line("o2")], []);
    await waitFor(() => heard.includes("o2"));
    await registry.ingests.writePlan(session, term, [line("o3")], []);
    await waitFor(() => heard.length === 3);
    assert.deepEqual(heard.toSorted(), ["o2", "o2", "o3"]);
  });

  fleetTest(open, "only the planner sweeps, and spares what is asserted", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const term = await elect(fleet, registry, session);
    await registry.ingests.assertConfigured(session, [define()]);
    await registry.ingests.put(define({ stream: OTHER }), "cli");
    await registry.ingests.writePlan(session, term, [line("o1")], []);
    assert.equal(await registry.ingests.sweep(session, term - 1), 0);
    assert.equal(await registry.ingests.sweep(session, term), 0);
    assert.equal((await registry.ingests.list()).filter(({ enabled }) => enabled).length, 2);
  });
}

function byStream(one: { readonly stream: string }, other: { readonly stream: string }): number {
  return one.stream < other.stream ? -1 : 1;
}
