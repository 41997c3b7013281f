import assert from "node:assert/strict";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { ingestOf, ownIngested } from "../support/ingest-owner.ts";
import { join, KEY, own } from "./fleet-fixture.ts";
import { fleetTest, type OpenFleet } from "./in-fleet.ts";

const NOTHING = { location: undefined, ingest: undefined };

/** What a play finds out: the owner, and the ingest that should bring one. */
export function lookupContract(open: OpenFleet): void {
  fleetTest(open, "an enabled ingest is told while nobody owns its stream", async (fleet) => {
    const registry = await fleet.open();
    assert.deepEqual(await registry.lookUp([KEY]), [NOTHING]);
    await registry.ingests.put(ingestOf(KEY), "test");
    assert.deepEqual(await registry.lookUp([KEY]), [{ location: undefined, ingest: { onDemand: false } }]);
    await registry.ingests.put(ingestOf(KEY, { onDemand: true }), "test");
    assert.deepEqual(await registry.lookUp([KEY]), [{ location: undefined, ingest: { onDemand: true } }]);
    assert.deepEqual(await registry.locate([KEY]), [undefined]);
  });

  fleetTest(open, "one from a config file is told, too", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    await registry.ingests.assertConfigured(session, [ingestOf(KEY)]);
    assert.deepEqual(await registry.lookUp([KEY]), [{ location: undefined, ingest: { onDemand: false } }]);
  });

  fleetTest(open, "one that is paused, removed, or only a reserved key is not", async (fleet) => {
    const registry = await fleet.open();
    await registry.ingests.put(ingestOf(KEY), "test");
    await registry.ingests.setEnabled(KEY, false, "test");
    assert.deepEqual(await registry.lookUp([KEY]), [NOTHING]);
    await registry.ingests.setEnabled(KEY, true, "test");
    assert.ok((await registry.lookUp([KEY]))[0]?.ingest);
    await registry.ingests.remove(KEY, "test");
    assert.deepEqual(await registry.lookUp([KEY]), [NOTHING]);
    const reserved = parseStreamKey("live/reserved");
    await fleet.enableIngest(reserved);
    assert.deepEqual(await registry.lookUp([reserved]), [NOTHING]);
  });

  fleetTest(open, "the owner of an ingest is told with it, as long as it lives", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    await registry.ingests.put(ingestOf(KEY, { onDemand: true }), "test");
    const token = await ownIngested(registry, session, KEY, (name, value) => fleet.setLease(name, value));
    const [found] = await registry.lookUp([KEY]);
    assert.equal(found?.location?.record.kind, "ingest");
    assert.equal(found?.location?.record.token, token);
    assert.equal(found?.location?.owner.name, "o1");
    assert.deepEqual(found?.ingest, { onDemand: true });
    assert.deepEqual(await registry.locate([KEY]), [found?.location]);
    await registry.leave(session, "test");
    assert.deepEqual(await registry.lookUp([KEY]), [{ location: undefined, ingest: { onDemand: true } }]);
  });

  fleetTest(open, "of a stream that an encoder publishes only the owner is told", async (fleet) => {
    const registry = await fleet.open();
    await own(registry, await join(registry, "o1"));
    await registry.ingests.put(ingestOf(KEY, { onDemand: true }), "test");
    const [found] = await registry.lookUp([KEY]);
    assert.equal(found?.location?.owner.name, "o1");
    assert.equal(found?.ingest, undefined);
  });

  fleetTest(open, "many keys are answered at once, each with what is its own", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const keys = Array.from({ length: 1_200 }, (_, i) => parseStreamKey(`live/cam${i}`));
    for (const [i, key] of keys.entries()) {
      if (i % 100 === 0) await own(registry, session, { key });
      if (i % 100 === 1) await registry.ingests.put(ingestOf(key, { onDemand: i % 200 === 1 }), "test");
    }
    const found = await registry.lookUp(keys);
    assert.equal(found.length, keys.length);
    for (const [i, { location, ingest }] of found.entries()) {
      assert.equal(location?.record.key, i % 100 === 0 ? keys[i] : undefined);
      assert.deepEqual(ingest, i % 100 === 1 ? { onDemand: i % 200 === 1 } : undefined);
    }
    assert.deepEqual(await registry.lookUp([]), []);
  });
}
