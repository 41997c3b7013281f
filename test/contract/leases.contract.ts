import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Lease, LeaseHolder, Leases } from "../../src/domain/ports/leases.ts";

/** What an adapter brings to be tested. */
export interface LeaseAdapter {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Leases that nobody has yet, for one test. */
  world(): Promise<LeaseWorld>;
}

export interface LeaseWorld {
  /** The leases of one more origin, connected. */
  open(): Promise<Leases>;
  /** Let the time of those who keep the leases pass. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

const NAME = "lease:live/cam";
const LONG = 60_000;

const one: LeaseHolder = { origin: "o1", epoch: 11, token: 101 };
const two: LeaseHolder = { origin: "o2", epoch: 12, token: 102 };

/** Everything that who pulls and plans ingests relies on. Each adapter runs it. */
export function leaseContract(adapter: LeaseAdapter): void {
  const leaseTest = (name: string, body: (world: LeaseWorld) => Promise<void>): void => {
    test(name, { timeout: 30_000 }, async () => {
      const world = await adapter.world();
      try {
        await body(world);
      } finally {
        await world.close();
      }
    });
  };

  describe(`leases in ${adapter.name}`, () => {
    before(() => adapter.start());
    after(() => adapter.stop());

    leaseTest("one of two gets a lease; the other hears who has it", async (world) => {
      const [mine, others] = [await world.open(), await world.open()];
      const lease = await granted(mine, one);
      assert.deepEqual(lease, { name: NAME, holder: one });
      assert.deepEqual(await others.acquire(NAME, two, LONG), { outcome: "held", by: "o1" });
      assert.equal((await others.acquire("lease:live/other", two, LONG)).outcome, "granted");
    });

    leaseTest("a lease that was given back is free at once", async (world) => {
      const [mine, others] = [await world.open(), await world.open()];
      const lease = await granted(mine, one);
      await mine.release(lease);
      await granted(others, two);
      assert.equal(await mine.extend(lease, LONG), "lost");
    });

    leaseTest("a lease runs out, and then another may have it", async (world) => {
      const [mine, others] = [await world.open(), await world.open()];
      const lease = await granted(mine, one, 300);
      await world.advance(310);
      assert.equal((await others.acquire(NAME, two, LONG)).outcome, "granted");
      assert.equal(await mine.extend(lease, LONG), "lost");
    });

    leaseTest("a lease that ran out is lost, though nobody else took it", async (world) => {
      const leases = await world.open();
      const lease = await granted(leases, one, 300);
      await world.advance(310);
      assert.equal(await leases.extend(lease, LONG), "lost");
      assert.equal(await leases.inspect(NAME), undefined);
    });

    leaseTest("a renewed lease lasts as long as the renewal says", async (world) => {
      const leases = await world.open();
      const lease = await granted(leases, one, 1_000);
      assert.equal(await leases.extend(lease, LONG), "extended");
      await world.advance(1_010);
      assert.equal(await leases.extend(lease, LONG), "extended");
      const seen = await leases.inspect(NAME);
      assert.deepEqual(seen?.holder, one);
      assert.ok(seen.ttlMs > LONG - 10_000 && seen.ttlMs <= LONG, `${seen.ttlMs} ms are left`);
    });

    leaseTest("while a lease is reserved only that origin gets it", async (world) => {
      const [mine, others] = [await world.open(), await world.open()];
      const lease = await granted(mine, one);
      await mine.release(lease, { origin: "o2", ms: LONG });
      assert.deepEqual(await mine.acquire(NAME, { ...one, token: 103 }, LONG), { outcome: "held", by: "o2" });
      assert.equal(await mine.inspect(NAME), undefined, "a reservation is no holder");
      await granted(others, two);
      assert.deepEqual((await mine.inspect(NAME))?.holder, two);
    });

    leaseTest("a reservation runs out", async (world) => {
      const leases = await world.open();
      const lease = await granted(leases, one);
      await leases.release(lease, { origin: "o2", ms: 300 });
      await world.advance(310);
      await granted(leases, { origin: "o3", epoch: 13, token: 104 });
    });

    leaseTest("who lost a lease neither frees nor reserves nor renews it for others", async (world) => {
      const [mine, others] = [await world.open(), await world.open()];
      const lease = await granted(mine, one, 300);
      await world.advance(310);
      const theirs = await granted(others, two);
      await mine.release(lease);
      await mine.release(lease, { origin: "o1", ms: LONG });
      assert.equal(await mine.extend(lease, LONG), "lost");
      assert.equal(await others.extend(theirs, LONG), "extended");
    });

    leaseTest("the same origin under another token is another holder", async (world) => {
      const leases = await world.open();
      const lease = await granted(leases, one);
      const later = { ...one, token: 105 };
      assert.deepEqual(await leases.acquire(NAME, later, LONG), { outcome: "held", by: "o1" });
      assert.equal(await leases.extend({ name: NAME, holder: later }, LONG), "lost");
      assert.equal(await leases.extend(lease, LONG), "extended");
    });

    leaseTest("a burial ends what that session held, and nothing else", async (world) => {
      const [dead, alive] = [await world.open(), await world.open()];
      const names = ["lease:live/a", "lease:live/b", "lease:live/c", "planner"];
      for (const name of names.slice(0, 2)) await granted(dead, one, LONG, name);
      await granted(alive, two, LONG, "lease:live/c");
      await granted(dead, { ...one, epoch: 10 }, LONG, "planner");
      assert.equal(await alive.bury({ name: "o1", epoch: 11 }, names), 2);
      assert.equal(await alive.bury({ name: "o1", epoch: 11 }, names), 0);
      for (const name of names.slice(0, 2)) await granted(alive, two, LONG, name);
      assert.deepEqual((await alive.inspect("lease:live/c"))?.holder, two);
      assert.equal((await alive.inspect("planner"))?.holder.epoch, 10, "of another session of that origin");
    });

    leaseTest("who was buried puts nothing back", async (world) => {
      const [dead, alive] = [await world.open(), await world.open()];
      const lease = await granted(dead, one);
      await alive.bury({ name: "o1", epoch: 11 }, [NAME]);
      assert.equal(await dead.extend(lease, LONG), "lost");
      await granted(alive, two);
    });

    leaseTest("names with any characters are told apart", async (world) => {
      const leases = await world.open();
      for (const [index, origin] of ["a@1#2", "rés", "o.1-x_y", "100%"].entries()) {
        const holder = { origin, epoch: 21, token: 200 + index };
        const lease = await granted(leases, holder, LONG, `lease://v/live/${origin} ä`);
        assert.deepEqual((await leases.inspect(lease.name))?.holder, holder);
        await leases.release(lease, { origin, ms: LONG });
        await granted(leases, { ...holder, token: 300 + index }, LONG, lease.name);
      }
    });

    leaseTest("of ten that ask at once one gets it", async (world) => {
      const all = await Promise.all(Array.from({ length: 10 }, () => world.open()));
      for (let round = 0; round < 5; round++) {
        const name = `lease:live/${round}`;
        const asked = all.map((leases, index) =>
          leases.acquire(name, { origin: `o${index}`, epoch: 1, token: round * 10 + index }, LONG),
        );
        const winners = (await Promise.all(asked)).filter(({ outcome }) => outcome === "granted");
        // Over several nodes the votes may be split: nobody wins then, and all may ask again.
        assert.ok(winners.length <= 1, `${winners.length} have ${name}`);
        const seen = await (all[0] as Leases).inspect(name);
        assert.deepEqual(
          seen?.holder,
          winners[0]?.outcome === "granted" ? winners[0].lease.holder : undefined,
        );
      }
    });
  });
}

async function granted(
  leases: Leases,
  holder: LeaseHolder,
  ttlMs: number = LONG,
  name: string = NAME,
): Promise<Lease> {
  const grant = await leases.acquire(name, holder, ttlMs);
  assert.ok(grant.outcome === "granted", `${name} for ${holder.origin}`);
  return grant.lease;
}
