import assert from "node:assert/strict";
import type { Registry, StreamClaim } from "../../src/domain/ports/registry.ts";
import { KEY, LONG, beat, join, own, ownerOf, wish } from "./fleet-fixture.ts";
import { fleetTest } from "./in-fleet.ts";
import type { OpenFleet } from "./in-fleet.ts";

const SHORT = 1_000;

const standby = (changes: Partial<StreamClaim> = {}) => wish({ policy: "standby", rank: 200, ...changes });

/** The newest event of the key, in short. */
async function lastEvent(registry: Registry): Promise<string> {
  const event = (await registry.recentEvents(100)).findLast(({ fields }) => fields["stream"] === KEY);
  return `${event?.type} by ${event?.fields["origin"]}: ${event?.fields["reason"]}`;
}

export function standbyContract(open: OpenFleet): void {
  fleetTest(open, "a standby is granted what nobody owns, and held off by whoever flows", async (fleet) => {
    const registry = await fleet.open();
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    const stream = await own(registry, one, standby({ rank: 100 }));
    assert.equal(await lastEvent(registry), "claimed by o1: new");
    const [location] = await registry.locate([KEY]);
    assert.deepEqual([location?.record.rank, location?.record.stalled], [100, false]);
    const held = { outcome: "held", origin: "o1", token: stream.token };
    for (const switched of ["", "gone", "stalled", "preferred"] as const)
      assert.deepEqual(await registry.claimStream(two, standby({ switched })), held, switched);
    await registry.releaseStreams(one, [stream], "disconnected");
    const next = await own(registry, two, standby({ switched: "gone" }));
    assert.ok(next.token > stream.token);
    assert.equal(await lastEvent(registry), "switched by o2: gone");
  });

  fleetTest(
    open,
    "a stream marked stalled goes to one that stood by, not to one that just came",
    async (fleet) => {
      const registry = await fleet.open();
      const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
      const stream = await own(registry, one, standby({ rank: 100 }));
      assert.equal(await registry.describeStream(one, stream, { codecs: "avc1", stalled: true }), true);
      const [location] = await registry.locate([KEY]);
      assert.deepEqual([location?.record.stalled, location?.record.codecs], [true, "avc1"]);
      assert.equal((await registry.claimStream(two, standby())).outcome, "held");
      assert.equal((await registry.claimStream(two, wish({ policy: "reject" }))).outcome, "held");
      const next = await own(
        registry,
        two,
        standby({ switched: "stalled", pauseMinMs: LONG, pauseMaxMs: LONG }),
      );
      assert.equal(await lastEvent(registry), "switched by o2: stalled");
      assert.equal((await registry.locate([KEY]))[0]?.record.stalled, false, "the newcomer flows");
      assert.equal(
        await registry.describeStream(one, stream, { codecs: "", stalled: true }),
        false,
        "a stale token marks nothing",
      );
      const answer = await registry.heartbeat(one, beat());
      assert.deepEqual(answer.outcome === "alive" && answer.lost, [next], "the loser is told");
    },
  );

  fleetTest(open, "what is said of an earlier encoder of the same origin is not written", async (fleet) => {
    const registry = await fleet.open();
    const one = await join(registry, "o1");
    const earlier = await own(registry, one);
    const present = await own(registry, one, { codecs: "avc1" });
    assert.equal(await registry.describeStream(one, earlier, { codecs: "", stalled: true }), false);
    const [location] = await registry.locate([KEY]);
    assert.deepEqual([location?.record.stalled, location?.record.codecs], [false, "avc1"]);
    assert.equal(await registry.describeStream(one, present, { codecs: "hvc1", stalled: true }), true);
  });

  fleetTest(open, "an owner that flows again keeps its stream", async (fleet) => {
    const registry = await fleet.open();
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    const stream = await own(registry, one, standby({ rank: 100 }));
    await registry.describeStream(one, stream, { codecs: "", stalled: true });
    await registry.describeStream(one, stream, { codecs: "", stalled: false });
    assert.equal((await registry.claimStream(two, standby({ switched: "stalled" }))).outcome, "held");
  });

  fleetTest(open, "the preferred encoder goes on again, and waits longer each time", async (fleet) => {
    const registry = await fleet.open();
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    const pauses = { pauseMinMs: 600, pauseMaxMs: 1_500 };
    const back = standby({ rank: 100, switched: "preferred", ...pauses });
    let stream = await own(registry, two, standby({ rank: 200 }));
    for (const pause of [600, 1_200, 1_500]) {
      stream = await own(registry, one, back);
      assert.equal(await lastEvent(registry), "switched by o1: preferred");
      await registry.releaseStreams(one, [stream], "disconnected");
      await own(registry, two, standby({ rank: 200, switched: "gone" }));
      const refused = await registry.claimStream(one, back);
      assert.equal(refused.outcome, "too-soon");
      if (refused.outcome !== "too-soon") return;
      const early = pause - refused.retryAfterMs;
      assert.ok(early >= 0 && early < 500, `told to wait ${refused.retryAfterMs} of ${pause} ms`);
      await fleet.advance(pause);
    }
    await fleet.advance(1_500 + 50);
    stream = await own(registry, one, back);
    const [location] = await registry.locate([KEY]);
    assert.equal(location?.record.takeovers, 1, "a quiet time makes good");
  });

  fleetTest(
    open,
    "only the lesser rank is preferred, and no pause protects a stalled stream",
    async (fleet) => {
      const registry = await fleet.open();
      const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
      const pauses = { pauseMinMs: LONG, pauseMaxMs: LONG };
      await own(registry, two, standby({ rank: 200 }));
      const preferred = { switched: "preferred", ...pauses } as const;
      assert.equal((await registry.claimStream(one, standby({ rank: 200, ...preferred }))).outcome, "held");
      assert.equal((await registry.claimStream(one, standby({ rank: 300, ...preferred }))).outcome, "held");
      const stream = await own(registry, one, standby({ rank: -5, ...preferred }));
      assert.equal(
        (await registry.claimStream(two, standby({ rank: -9, ...preferred }))).outcome,
        "too-soon",
      );
      await registry.describeStream(one, stream, { codecs: "", stalled: true });
      await own(registry, two, standby({ rank: -9, ...preferred }));
      assert.equal(await lastEvent(registry), "switched by o2: stalled");
    },
  );

  fleetTest(open, "which of its own encoders feeds a stream an origin decides alone", async (fleet) => {
    const registry = await fleet.open();
    const one = await join(registry, "o1");
    const first = await own(registry, one, standby({ rank: 100 }));
    const second = await own(registry, one, standby({ rank: 200, switched: "gone", publisher: "192.0.2.8" }));
    assert.ok(second.token > first.token);
    assert.equal(await lastEvent(registry), "switched by o1: gone");
    assert.equal((await registry.locate([KEY]))[0]?.record.publisher, "192.0.2.8");
    const answer = await registry.heartbeat(one, beat());
    assert.deepEqual(answer.outcome === "alive" && answer.lost, []);
    const back = standby({ rank: 100, switched: "preferred", pauseMinMs: LONG, pauseMaxMs: LONG });
    await own(registry, one, back);
    assert.equal((await registry.claimStream(one, back)).outcome, "too-soon");
  });

  fleetTest(open, "origins of other policies live with standbys in one fleet", async (fleet) => {
    const registry = await fleet.open();
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    const stream = await own(registry, one, standby({ rank: 100 }));
    assert.equal((await registry.claimStream(two, wish({ policy: "reject" }))).outcome, "held");
    await own(registry, two, { policy: "takeover" });
    assert.equal(await lastEvent(registry), "taken-over by o2: second publish");
    const back = standby({ rank: 100, switched: "preferred" });
    assert.equal(
      (await registry.claimStream(one, back)).outcome,
      "held",
      "an encoder without a rank gives way to nobody",
    );
    assert.equal((await registry.touchStreams(one, [stream], LONG))[0]?.outcome, "taken");
  });

  fleetTest(open, "a stream whose owner died goes to whoever stood by", async (fleet) => {
    const registry = await fleet.open();
    await own(registry, await join(registry, "o1", { ttlMs: SHORT }), standby({ rank: 100 }));
    const two = await join(registry, "o2");
    await fleet.advance(SHORT + 50);
    await own(registry, two, standby({ switched: "gone" }));
    assert.equal(await lastEvent(registry), "switched by o2: gone");
    assert.equal((await registry.locate([KEY]))[0]?.record.previous, "o1");
  });

  fleetTest(
    open,
    "a record that was given up and still counts is nobody's, and goes by itself",
    async (fleet) => {
      const registry = await fleet.open();
      const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
      await own(registry, two, standby({ rank: 200 }));
      const pauses = { pauseMinMs: 500, pauseMaxMs: 500 };
      const stream = await own(registry, one, standby({ rank: 100, switched: "preferred", ...pauses }));
      assert.equal(await registry.releaseStreams(one, [stream], "disconnected"), 1);
      assert.equal(await registry.releaseStreams(one, [stream], "disconnected"), 0);
      assert.equal(await ownerOf(registry), undefined);
      assert.deepEqual(await registry.listStreams(), []);
      assert.equal((await registry.touchStreams(one, [stream], LONG))[0]?.outcome, "missing");
      const [loss] = await registry.touchStreams(two, [stream], LONG);
      assert.deepEqual(loss, { key: KEY, outcome: "missing", token: 0 });
      const next = await own(registry, one, { policy: "reject" });
      assert.equal(await lastEvent(registry), "claimed by o1: new");
      assert.ok(next.token > stream.token);
      assert.equal((await registry.locate([KEY]))[0]?.record.takeovers, 0, "only standbys count on");
    },
  );

  fleetTest(open, "a reclaim brings its rank along", async (fleet) => {
    const registry = await fleet.open();
    const before = await join(registry, "o1", { ttlMs: SHORT });
    const old = await own(registry, before, standby({ rank: 100 }));
    await fleet.advance(SHORT + 50);
    const after = await join(registry, "o1");
    await own(registry, after, { policy: "reclaim", formerToken: old.token, rank: 100 });
    assert.equal((await registry.locate([KEY]))[0]?.record.rank, 100);
  });
}
