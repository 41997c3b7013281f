import assert from "node:assert/strict";
import { leaseOf } from "../../src/domain/ingest.ts";
import type { SessionRef } from "../../src/domain/origin-record.ts";
import type { ClaimPolicy, Registry } from "../../src/domain/ports/registry.ts";
import { leaseValue } from "../../src/registry/lease-value.ts";
import { join, KEY, own, ownerOf, wish, type Fleet } from "./fleet-fixture.ts";
import { fleetTest, type OpenFleet } from "./in-fleet.ts";
import { begin, define } from "./ingests.contract.ts";

const STALE = { outcome: "stale-ingest" } as const;

/** The stream that an ingest feeds belongs to whoever pulls it now, and to nobody who did before. */
export function ingestClaimContract(open: OpenFleet): void {
  fleetTest(open, "who began to pull an ingest owns its stream", async (fleet) => {
    const { registry, one } = await ingested(fleet);
    const ingestToken = await begin(fleet, registry, one);
    const result = await claim(registry, one, ingestToken);
    assert.ok(result.outcome === "granted" && result.token > ingestToken);
    const [location] = await registry.locate([KEY]);
    assert.deepEqual([location?.record.kind, location?.record.origin], ["ingest", "o1"]);
    const publish = await registry.claimStream(one, wish());
    assert.deepEqual(publish, { outcome: "ingested", ingest: KEY }, "an encoder hears why it may not");
  });

  fleetTest(open, "the stream of an ingest that was never begun is claimed by nobody", async (fleet) => {
    const { registry, one } = await ingested(fleet);
    const token = await registry.ingests.drawToken(one, 0);
    for (const ingestToken of [0, 1, token]) assert.deepEqual(await claim(registry, one, ingestToken), STALE);
    await registry.ingests.remove(KEY, "cli");
    assert.deepEqual(await claim(registry, one, token), STALE);
  });

  fleetTest(open, "a pull that was begun elsewhere meanwhile takes no stream back", async (fleet) => {
    const { registry, one, two } = await ingested(fleet);
    const old = await begin(fleet, registry, one);
    assert.equal((await claim(registry, one, old)).outcome, "granted");
    const token = await begin(fleet, registry, two);
    for (const policy of ["takeover", "reclaim", "reject"] as const)
      assert.deepEqual(await claim(registry, one, old, policy), STALE, policy);
    assert.deepEqual(await claim(registry, one, token), STALE, "another origin's token");
    assert.equal(await ownerOf(registry), "o1", "until the new one has a keyframe");
    assert.equal((await claim(registry, two, token)).outcome, "granted");
    assert.equal(await ownerOf(registry), "o2");
    assert.deepEqual(await claim(registry, one, old), STALE);
  });

  fleetTest(open, "the lease alone gives no stream to who has not begun the ingest", async (fleet) => {
    const { registry, one, two } = await ingested(fleet);
    const held = ({ name: origin, epoch }: SessionRef, token: number) =>
      fleet.setLease(leaseOf(KEY), leaseValue({ origin, epoch, token }));
    const token = await registry.ingests.drawToken(one, 0);
    await held(one, token);
    assert.deepEqual(await claim(registry, one, token), STALE, "nobody has");
    const old = await begin(fleet, registry, one);
    await begin(fleet, registry, two);
    await held(one, old);
    assert.deepEqual(await claim(registry, one, old), STALE, "another has, and later");
    const last = await begin(fleet, registry, one);
    await held(two, last);
    assert.deepEqual(await claim(registry, two, last), STALE, "another has, under this token");
  });

  fleetTest(
    open,
    "a session that was registered again claims nothing with its former pull",
    async (fleet) => {
      const { registry, one } = await ingested(fleet);
      const token = await begin(fleet, registry, one);
      await registry.leave(one, "test");
      assert.equal((await claim(registry, one, token)).outcome, "session-lost");
      const again = await join(registry, "o1");
      assert.deepEqual(await claim(registry, again, token), STALE);
    },
  );

  fleetTest(
    open,
    "an encoder that was there before the ingest keeps its stream over a lost session",
    async (fleet) => {
      const registry = await fleet.open();
      const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
      const stream = await own(registry, one);
      await registry.ingests.put(define(), "cli");
      const ingestToken = await begin(fleet, registry, two);
      const refused = await claim(registry, two, ingestToken, "reject");
      assert.equal(refused.outcome, "held", "the ingest waits until the encoder is gone");
      await registry.leave(one, "test");
      const again = await join(registry, "o1");
      const back = await own(registry, again, { policy: "reclaim", formerToken: stream.token });
      assert.ok(back.token > stream.token);
      for (const policy of ["takeover", "reject", "standby"] as const)
        assert.deepEqual(await registry.claimStream(two, wish({ policy })), {
          outcome: "ingested",
          ingest: KEY,
        });
    },
  );

  fleetTest(
    open,
    "an encoder whose session was lost does not take its stream back from the ingest",
    async (fleet) => {
      const registry = await fleet.open();
      const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
      const stream = await own(registry, one);
      await registry.ingests.put(define(), "cli");
      await registry.leave(one, "test");
      const granted = await claim(registry, two, await begin(fleet, registry, two), "reject");
      assert.ok(granted.outcome === "granted");
      const again = await join(registry, "o1");
      assert.deepEqual(
        await registry.claimStream(again, wish({ policy: "reclaim", formerToken: stream.token })),
        { outcome: "held", origin: "o2", token: granted.token },
      );
    },
  );

  fleetTest(open, "without the lease the status alone gives no stream", async (fleet) => {
    const { registry, one, two } = await ingested(fleet);
    const token = await begin(fleet, registry, one);
    const other = leaseValue({ origin: "o2", epoch: two.epoch, token: token + 1 });
    await fleet.setLease(leaseOf(KEY), other);
    assert.deepEqual(await claim(registry, one, token), STALE);
    await fleet.setLease(leaseOf(KEY), leaseValue({ origin: "o1", epoch: one.epoch, token }));
    assert.equal((await claim(registry, one, token)).outcome, "granted");
  });
}

async function ingested(fleet: Fleet) {
  const registry = await fleet.open();
  const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
  await registry.ingests.put(define(), "cli");
  return { registry, one, two };
}

function claim(
  registry: Registry,
  session: SessionRef,
  ingestToken: number,
  policy: ClaimPolicy = "takeover",
): ReturnType<Registry["claimStream"]> {
  return registry.claimStream(session, wish({ kind: "ingest", ingestToken, policy }));
}
