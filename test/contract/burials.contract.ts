import assert from "node:assert/strict";
import type { Notice } from "../../src/domain/ports/registry.ts";
import { waitFor } from "../support/wait.ts";
import { beat, join, own, ownerOf } from "./fleet-fixture.ts";
import { fleetTest, type OpenFleet } from "./in-fleet.ts";

export function burialContract(open: OpenFleet): void {
  fleetTest(open, "who is suspected is woken, and its beat is told", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    await registry.heartbeat(session, beat({ beat: 7 }));
    const notices: Notice[] = [];
    await registry.onNotice("o1", (notice) => notices.push(notice));
    const { epoch } = session;
    assert.deepEqual(await registry.suspect("o1", session.instance), { epoch, beat: 7 });
    await waitFor(() => notices.some(({ type }) => type === "suspected"), { what: "the notice" });
  });

  fleetTest(open, "nobody is suspected for another process, or without a session", async (fleet) => {
    const registry = await fleet.open();
    assert.equal(await registry.suspect("o1", "nobody"), undefined);
    const session = await join(registry, "o1");
    assert.equal(await registry.suspect("o1", "another instance"), undefined);
    await registry.leave(session, "test");
    assert.equal(await registry.suspect("o1", session.instance), undefined);
  });

  fleetTest(open, "a burial frees the name and every stream at once", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    await own(registry, session);
    const suspicion = await registry.suspect("o1", session.instance);
    assert.equal(await registry.bury(session, suspicion?.beat ?? NaN, "o2"), true);
    assert.equal(await ownerOf(registry), undefined);
    assert.deepEqual(await registry.listOrigins(), []);
    assert.equal(await registry.sessionTimeLeft("o1"), 0);
    const [event] = await registry.recentEvents(1);
    assert.deepEqual([event?.type, event?.fields["origin"], event?.fields["by"]], ["buried", "o1", "o2"]);
    assert.equal(event?.fields["epoch"], String(session.epoch));
    assert.equal(await registry.bury(session, suspicion?.beat ?? NaN, "o3"), false, "once is enough");
  });

  fleetTest(
    open,
    "who was buried alive hears that it has no session, and may begin another",
    async (fleet) => {
      const registry = await fleet.open();
      const session = await join(registry, "o1");
      assert.equal(await registry.bury(session, 0, "o2"), true);
      assert.deepEqual(await registry.heartbeat(session, beat()), { outcome: "lost", instance: "" });
      const again = await join(registry, "o1");
      assert.ok(again.epoch > session.epoch);
    },
  );

  fleetTest(open, "who has beaten since, or registered again, is not buried", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    await registry.heartbeat(session, beat({ beat: 1 }));
    const suspicion = await registry.suspect("o1", session.instance);
    await registry.heartbeat(session, beat({ beat: 2 }));
    assert.equal(await registry.bury(session, suspicion?.beat ?? NaN, "o2"), false);
    const again = await join(registry, "o1");
    assert.equal(await registry.bury(session, 2, "o2"), false);
    assert.equal(await registry.bury({ ...again, instance: "another" }, 0, "o2"), false);
    const [origin] = await registry.listOrigins();
    assert.equal(origin?.epoch, again.epoch);
  });

  fleetTest(open, "everybody can be woken at once", async (fleet) => {
    const registry = await fleet.open();
    const heard: string[] = [];
    for (const name of ["o1", "o2"]) {
      await join(registry, name);
      await registry.onNotice(name, ({ type }) => heard.push(`${name} ${type}`));
    }
    await registry.wakeAll();
    await waitFor(() => heard.length >= 2, { what: "the notices" });
    assert.deepEqual(heard.toSorted(), ["o1 ingests", "o2 ingests"]);
  });

  fleetTest(open, "who leaves wakes those who stay; who joins wakes the planner", async (fleet) => {
    const registry = await fleet.open();
    const heard: string[] = [];
    const session = await join(registry, "o1");
    const other = await join(registry, "o2");
    for (const name of ["o1", "o2"])
      await registry.onNotice(name, ({ type }) => heard.push(`${name} ${type}`));
    const term = await registry.ingests.drawToken(session, 0);
    await fleet.setLease("planner", `o1@${session.epoch}#${term}`);
    await registry.ingests.writePlan(session, term, [], []);
    await join(registry, "o3");
    await waitFor(() => heard.length >= 1, { what: "the planner's notice" });
    assert.deepEqual(heard, ["o1 ingests"]);
    await registry.leave(other, "test");
    await waitFor(() => heard.length >= 2, { what: "the notice of the leave" });
    assert.deepEqual(heard, ["o1 ingests", "o1 ingests"]);
  });
}
