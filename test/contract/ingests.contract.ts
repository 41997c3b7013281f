import assert from "node:assert/strict";
import type { IngestDefinition, IngestStatus } from "../../src/domain/ingest.ts";
import { leaseOf } from "../../src/domain/ingest.ts";
import type { SessionRef } from "../../src/domain/origin-record.ts";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { leaseValue } from "../../src/registry/lease-value.ts";
import { waitFor } from "../support/wait.ts";
import { join, KEY, wish, type Fleet } from "./fleet-fixture.ts";
import { fleetTest, type OpenFleet } from "./in-fleet.ts";

export function define(more: Partial<IngestDefinition> = {}): IngestDefinition {
  const plain = { captureAt: "", weight: 1, overlap: false, onDemand: false, fallback: [] };
  return { stream: KEY, url: "rtmp://u:p@source.example/app/cam", ...plain, ...more };
}

const LIVE: IngestStatus = { state: "live", profile: 0, error: "", marks: [] };

/** Take the lease and become the owner. Returns the token. */
export async function begin(fleet: Fleet, registry: Registry, session: SessionRef): Promise<number> {
  const token = await registry.ingests.drawToken(session, 0);
  await fleet.setLease(leaseOf(KEY), leaseValue({ origin: session.name, epoch: session.epoch, token }));
  const begun = await registry.ingests.begin(session, KEY, token, "least loaded");
  assert.equal(begun.outcome, "begun");
  return token;
}

async function eventTypes(registry: Registry): Promise<readonly string[]> {
  const events = await registry.recentEvents(50);
  return events.map(({ type }) => type).filter((type) => type.startsWith("ingest-"));
}

export function ingestContract(open: OpenFleet): void {
  fleetTest(open, "an ingest defined by API is there until it is removed", async (fleet) => {
    const { ingests } = await fleet.open();
    const definition = define({
      captureAt: "o1",
      weight: 2,
      overlap: true,
      fallback: ["rtmp://b/a/c", "exec:x"],
    });
    assert.equal(await ingests.put(definition, "cli"), "created");
    assert.equal(await ingests.put(definition, "cli"), "same");
    const record = await ingests.get(KEY);
    const fresh = {
      owner: "",
      token: 0,
      state: "idle",
      lastMove: 0,
      enabled: true,
      removed: 0,
      source: "api",
    };
    for (const [name, value] of Object.entries({ ...definition, ...fresh }))
      assert.deepEqual(record?.[name as "url"], value, name);
    assert.equal(await ingests.put(define({ url: "rtmp://other/app/cam" }), "cli"), "changed");
    assert.equal((await ingests.list()).length, 1);
    assert.equal(await ingests.remove(KEY, "cli"), true);
    assert.equal(await ingests.remove(KEY, "cli"), false);
    const [tombstone] = await ingests.list();
    assert.ok(tombstone && tombstone.removed > 0 && !tombstone.enabled);
    assert.equal(await ingests.put(definition, "cli"), "created");
    assert.equal((await ingests.get(KEY))?.removed, 0);
  });

  fleetTest(open, "what is not there cannot be removed, paused or moved", async (fleet) => {
    const { ingests } = await fleet.open();
    assert.equal(await ingests.get(KEY), undefined);
    assert.equal(await ingests.remove(KEY, "cli"), false);
    assert.equal(await ingests.setEnabled(KEY, false, "cli"), false);
    assert.equal(await ingests.setMove(KEY, "o1", "cli"), false);
    assert.deepEqual(await ingests.list(), []);
  });

  fleetTest(open, "a key that was reserved by hand is no ingest", async (fleet) => {
    const { ingests } = await fleet.open();
    await fleet.enableIngest(KEY);
    assert.equal(await ingests.get(KEY), undefined);
    assert.deepEqual(await ingests.list(), []);
  });

  fleetTest(open, "a definition from a config file is nobody's to change by API", async (fleet) => {
    const registry = await fleet.open();
    const { ingests } = registry;
    await ingests.assertConfigured(await join(registry, "o1"), [define()]);
    assert.equal((await ingests.get(KEY))?.source, "config");
    await assert.rejects(ingests.put(define(), "cli"), { code: "INGEST_CONFIGURED" });
    await assert.rejects(ingests.remove(KEY, "cli"), { code: "INGEST_CONFIGURED" });
  });

  fleetTest(open, "an API's definition is left alone by a config file", async (fleet) => {
    const registry = await fleet.open();
    await registry.ingests.put(define({ captureAt: "o2" }), "cli");
    await registry.ingests.assertConfigured(await join(registry, "o1"), [define({ captureAt: "o1" })]);
    const record = await registry.ingests.get(KEY);
    assert.deepEqual([record?.captureAt, record?.source], ["o2", "api"]);
  });

  fleetTest(open, "of two config files the one of the later session counts", async (fleet) => {
    const registry = await fleet.open();
    const { ingests } = registry;
    const [old, young] = [await join(registry, "o1"), await join(registry, "o2")];
    await ingests.assertConfigured(old, [define({ captureAt: "old" })]);
    await ingests.assertConfigured(young, [define({ captureAt: "young" })]);
    await ingests.assertConfigured(old, [define({ captureAt: "old" })]);
    assert.equal((await ingests.get(KEY))?.captureAt, "young");
    await ingests.assertConfigured({ ...old, epoch: old.epoch - 1 }, [define({ captureAt: "ghost" })]);
    assert.equal((await ingests.get(KEY))?.captureAt, "young");
  });

  fleetTest(open, "a pause outlives further assertions of the config file", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    await registry.ingests.assertConfigured(session, [define()]);
    assert.equal(await registry.ingests.setEnabled(KEY, false, "cli"), true);
    await registry.ingests.assertConfigured(session, [define()]);
    const record = await registry.ingests.get(KEY);
    assert.deepEqual([record?.enabled, record?.state], [false, "paused"]);
    assert.equal(await registry.ingests.setEnabled(KEY, true, "cli"), true);
    assert.equal((await registry.ingests.get(KEY))?.state, "idle");
    assert.deepEqual(await eventTypes(registry), ["ingest-defined", "ingest-paused", "ingest-resumed"]);
  });

  fleetTest(open, "no encoder may publish what an enabled ingest feeds", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    await registry.ingests.put(define(), "cli");
    const publish = () => registry.claimStream(session, wish());
    assert.equal((await publish()).outcome, "ingested");
    await registry.ingests.setEnabled(KEY, false, "cli");
    assert.equal((await publish()).outcome, "granted");
  });

  fleetTest(open, "only who holds the lease becomes the owner", async (fleet) => {
    const registry = await fleet.open();
    const { ingests } = registry;
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    await ingests.put(define(), "cli");
    const token = await ingests.drawToken(one, 0);
    assert.deepEqual(await ingests.begin(one, KEY, token, ""), { outcome: "stale" });
    await fleet.setLease(leaseOf(KEY), leaseValue({ origin: "o1", epoch: one.epoch, token }));
    assert.deepEqual(await ingests.begin(two, KEY, token, ""), { outcome: "stale" });
    const begun = await ingests.begin(one, KEY, token, "captureAt o1");
    assert.ok(begun.outcome === "begun");
    const { owner, epoch, state, why, url } = begun.record;
    assert.deepEqual(
      [owner, epoch, begun.record.token, state, why],
      ["o1", one.epoch, token, "starting", "captureAt o1"],
    );
    assert.equal(url, define().url);
    assert.ok(begun.record.lastMove > 0);
    assert.deepEqual(await ingests.begin(one, KEY, token, ""), { outcome: "stale" });
  });

  fleetTest(
    open,
    "a smaller token is refused after a greater one, whatever the lease says",
    async (fleet) => {
      const registry = await fleet.open();
      const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
      await registry.ingests.put(define(), "cli");
      const slow = await registry.ingests.drawToken(one, 0);
      await begin(fleet, registry, two);
      await fleet.setLease(leaseOf(KEY), leaseValue({ origin: "o1", epoch: one.epoch, token: slow }));
      assert.deepEqual(await registry.ingests.begin(one, KEY, slow, ""), { outcome: "stale" });
      assert.equal((await registry.ingests.get(KEY))?.owner, "o2");
    },
  );

  fleetTest(open, "paused, removed and unknown ingests are begun by nobody", async (fleet) => {
    const registry = await fleet.open();
    const { ingests } = registry;
    const session = await join(registry, "o1");
    const token = await ingests.drawToken(session, 0);
    await fleet.setLease(leaseOf(KEY), leaseValue({ origin: "o1", epoch: session.epoch, token }));
    const tries = async () => (await ingests.begin(session, KEY, token, "")).outcome;
    assert.equal(await tries(), "unwanted");
    await ingests.put(define(), "cli");
    await ingests.setEnabled(KEY, false, "cli");
    assert.equal(await tries(), "unwanted");
    await ingests.setEnabled(KEY, true, "cli");
    await ingests.remove(KEY, "cli");
    assert.equal(await tries(), "unwanted");
  });

  fleetTest(open, "a lost session draws no token and begins nothing", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    await registry.ingests.put(define(), "cli");
    const ghost = { ...session, epoch: session.epoch - 1 };
    await assert.rejects(registry.ingests.drawToken(ghost, 0), { code: "SESSION_LOST" });
    const token = await registry.ingests.drawToken(session, 0);
    assert.deepEqual(await registry.ingests.begin(ghost, KEY, token, ""), { outcome: "session-lost" });
  });

  fleetTest(open, "tokens grow, also above what the caller has seen", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const first = await registry.ingests.drawToken(session, 0);
    assert.ok(first > session.epoch);
    const far = first + 1_000_000_000_000;
    assert.ok((await registry.ingests.drawToken(session, far)) > far);
    assert.ok((await registry.ingests.drawToken(session, 0)) > far);
  });

  fleetTest(open, "only the last owner's word about an ingest counts", async (fleet) => {
    const registry = await fleet.open();
    const { ingests } = registry;
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    await ingests.put(define(), "cli");
    const old = await begin(fleet, registry, one);
    const marks = [{ origin: "o1", count: 2, until: 1_800_000_000_000 }];
    assert.equal(await ingests.report(one, KEY, old, { ...LIVE, profile: 1, marks }), true);
    const record = await ingests.get(KEY);
    assert.deepEqual([record?.state, record?.profile, record?.marks], ["live", 1, marks]);
    const token = await begin(fleet, registry, two);
    assert.equal(await ingests.report(one, KEY, old, LIVE), false);
    assert.equal(await ingests.report(one, KEY, token, LIVE), false);
    assert.equal(
      await ingests.report(two, KEY, token, { ...LIVE, state: "retrying", error: "refused" }),
      true,
    );
    assert.equal((await ingests.get(KEY))?.error, "refused");
    const types = await eventTypes(registry);
    assert.deepEqual(types.slice(1), ["ingest-begun", "ingest-live", "ingest-begun", "ingest-retrying"]);
    await begin(fleet, registry, two);
    assert.equal(await ingests.report(two, KEY, token, LIVE), false, "nor its own about an earlier pull");
    assert.equal((await ingests.get(KEY))?.state, "starting");
  });

  fleetTest(open, "the time of the last move changes with the owner only", async (fleet) => {
    const registry = await fleet.open();
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    await registry.ingests.put(define(), "cli");
    await begin(fleet, registry, one);
    const first = (await registry.ingests.get(KEY))?.lastMove ?? 0;
    await fleet.advance(20);
    await begin(fleet, registry, one);
    assert.equal((await registry.ingests.get(KEY))?.lastMove, first);
    await begin(fleet, registry, two);
    assert.ok(((await registry.ingests.get(KEY))?.lastMove ?? 0) > first);
  });

  fleetTest(open, "a wish to move is over once the ingest is there", async (fleet) => {
    const registry = await fleet.open();
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    await registry.ingests.put(define(), "cli");
    assert.equal(await registry.ingests.setMove(KEY, "o2", "cli"), true);
    await begin(fleet, registry, one);
    assert.equal((await registry.ingests.get(KEY))?.moveTo, "o2");
    await begin(fleet, registry, two);
    assert.equal((await registry.ingests.get(KEY))?.moveTo, "");
  });

  fleetTest(open, "demand is noted for what is pulled on demand only", async (fleet) => {
    const registry = await fleet.open();
    await registry.ingests.put(define(), "cli");
    await registry.ingests.demand([KEY], 10_000);
    assert.equal((await registry.ingests.get(KEY))?.demandUntil, 0);
    await registry.ingests.put(define({ onDemand: true }), "cli");
    await registry.ingests.demand([KEY], 10_000);
    assert.ok(((await registry.ingests.get(KEY))?.demandUntil ?? 0) > 0);
  });

  fleetTest(open, "the owner is woken by what is done to its ingest", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    let heard = 0;
    await registry.onNotice("o1", ({ type }) => (heard += type === "ingests" ? 1 : 0));
    await registry.ingests.put(define(), "cli");
    await begin(fleet, registry, session);
    await registry.ingests.setEnabled(KEY, false, "cli");
    await waitFor(() => heard >= 1);
    await registry.ingests.remove(KEY, "cli");
    await waitFor(() => heard >= 2);
  });
}
