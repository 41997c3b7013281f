import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { leaseOf } from "../../../../src/domain/ingest.ts";
import { parseStreamKey } from "../../../../src/domain/stream-key.ts";
import { endFormerLeases } from "../../../../src/fleet/ingest/former-leases.ts";
import { PlanningFleet } from "../../../support/planning-origin.ts";

const log = pino({ level: "silent" });

test("a process that starts ends the leases of its predecessor, and nobody else's", async () => {
  const fleet = new PlanningFleet();
  await fleet.join("o1");
  await fleet.join("o2");
  await fleet.put("live/a", { captureAt: "o1" });
  await fleet.put("live/b", { captureAt: "o2" });
  await fleet.advance(5_000);
  const [a, b] = ["live/a", "live/b"].map((stream) => leaseOf(parseStreamKey(stream))) as [string, string];
  const { registry, leases, session } = fleet.origins.get("o1") ?? assert.fail();
  assert.ok(session.ref);
  await endFormerLeases({ registry, leases, session, log });
  assert.equal((await leases.inspect(a))?.holder.origin, "o1", "those of the present session stay");
  const ref = { ...session.ref, epoch: session.ref.epoch + 1 };
  await endFormerLeases({ registry, leases, session: { ref }, log });
  assert.equal(await leases.inspect(a), undefined);
  assert.equal((await leases.inspect(b))?.holder.origin, "o2");
  await fleet.stop();
});

test("a registry that does not answer keeps nobody from starting", async () => {
  const fleet = new PlanningFleet();
  const { registry, leases, session } = await fleet.join("o1");
  await registry.close();
  await endFormerLeases({ registry, leases, session, log });
});
