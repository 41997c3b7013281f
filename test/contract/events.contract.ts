import assert from "node:assert/strict";
import type { RegistryEvent } from "../../src/domain/ports/registry.ts";
import { waitFor } from "../support/wait.ts";
import { KEY, beat, join, own } from "./fleet-fixture.ts";
import { fleetTest } from "./in-fleet.ts";
import type { OpenFleet } from "./in-fleet.ts";

export function eventContract(open: OpenFleet): void {
  fleetTest(
    open,
    "every change of ownership is in the log, with token, reason and who did it",
    async (fleet) => {
      const registry = await fleet.open();
      const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
      const first = await own(registry, one);
      const second = await own(registry, two);
      await registry.heartbeat(one, beat());
      await registry.releaseStreams(two, [second], "unpublished");
      await registry.leave(one, "stopping");
      const events = await registry.recentEvents(100);
      assert.deepEqual(
        events.map(({ type, fields }) => [type, fields["origin"], fields["token"], fields["by"]]),
        [
          ["registered", "o1", `${one.epoch}`, "o1"],
          ["registered", "o2", `${two.epoch}`, "o2"],
          ["claimed", "o1", `${first.token}`, "o1"],
          ["taken-over", "o2", `${second.token}`, "o2"],
          ["released", "o2", `${second.token}`, "o2"],
          ["left", "o1", `${one.epoch}`, "o1"],
        ],
      );
      const [, , claimed, taken, released, left] = events;
      assert.equal(claimed?.fields["stream"], KEY);
      assert.equal(claimed?.fields["reason"], "new");
      assert.equal(claimed?.fields["publisher"], "192.0.2.1");
      assert.equal(taken?.fields["previous"], "o1");
      assert.equal(taken?.fields["epoch"], `${two.epoch}`);
      assert.equal(released?.fields["reason"], "unpublished");
      assert.equal(left?.fields["reason"], "stopping");
      for (const event of events) assert.ok(event.at > 1_600_000_000_000);
      const ids = events.map(({ id }) => id.split("-").map(Number));
      for (const [i, [ms = 0, number = 0]] of ids.entries()) {
        const [nextMs = Infinity, nextNumber = 0] = ids[i + 1] ?? [];
        assert.ok(nextMs > ms || (nextMs === ms && nextNumber > number), "ids grow");
      }
    },
  );

  fleetTest(open, "the newest events are given, oldest first", async (fleet) => {
    const registry = await fleet.open();
    for (const name of ["o1", "o2", "o3"]) await join(registry, name);
    const origins = (await registry.recentEvents(2)).map(({ fields }) => fields["origin"]);
    assert.deepEqual(origins, ["o2", "o3"]);
    assert.deepEqual(await registry.recentEvents(0), []);
  });

  fleetTest(open, "why an origin got a stream is told apart", async (fleet) => {
    const registry = await fleet.open();
    const one = await join(registry, "o1");
    const stream = await own(registry, one);
    await join(registry, "o1");
    const two = await join(registry, "o2");
    await own(registry, two);
    await registry.leave(two, "test");
    const again = await join(registry, "o1");
    await own(registry, again, { policy: "reclaim", formerToken: stream.token });
    const claims = (await registry.recentEvents(100)).filter(({ type }) => type === "claimed");
    assert.deepEqual(
      claims.map(({ fields }) => fields["reason"]),
      ["new", "owner gone", "reclaimed"],
    );
  });

  fleetTest(open, "events are followed from now on, or from a known one", async (fleet) => {
    const [registry, elsewhere] = [await fleet.open(), await fleet.open()];
    await join(elsewhere, "o1");
    await join(elsewhere, "o2");
    const [known] = await registry.recentEvents(2);
    assert.ok(known);
    const stop = new AbortController();
    const [all, news]: [RegistryEvent[], RegistryEvent[]] = [[], []];
    const follow = async (id: string, into: RegistryEvent[]) => {
      for await (const event of registry.followEvents(id, stop.signal)) into.push(event);
    };
    const followers = [follow(known.id, all), follow("$", news)];
    await waitFor(() => all.length === 1, { what: "the event after the known one" });
    // "From now on" begins at some moment after the call: go on until it has.
    await waitFor(async () => {
      await join(elsewhere, "o3");
      return news.length > 0;
    });
    const last = await join(elsewhere, "o4");
    for (const list of [all, news])
      await waitFor(() => list.at(-1)?.fields["epoch"] === `${last.epoch}`, { what: "the last event" });
    assert.deepEqual(news, all.slice(-news.length));
    assert.equal(all[0]?.fields["origin"], "o2");
    assert.ok(!news.some(({ fields }) => fields["origin"] === "o2"), "nothing old");
    stop.abort();
    await Promise.all(followers);
  });

  fleetTest(open, "following ends when the registry is closed, or was never wanted", async (fleet) => {
    const registry = await fleet.open();
    const seen: RegistryEvent[] = [];
    const follower = (async () => {
      for await (const event of registry.followEvents("0-0", new AbortController().signal)) seen.push(event);
    })();
    await join(registry, "o1");
    await waitFor(() => seen.length === 1, { what: "the first event" });
    for await (const _ of registry.followEvents("0-0", AbortSignal.abort()))
      assert.fail("it was aborted before");
    await registry.close();
    await follower;
  });
}
