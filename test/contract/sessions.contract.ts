import assert from "node:assert/strict";
import { LONG, beat, describeOrigin, join, own, ownerOf, wish } from "./fleet-fixture.ts";
import { fleetTest } from "./in-fleet.ts";
import type { OpenFleet } from "./in-fleet.ts";

const SHORT = 1_000;

export function sessionContract(open: OpenFleet): void {
  fleetTest(open, "an origin that registered is listed with all it said", async (fleet) => {
    const registry = await fleet.open();
    const result = await registry.register(describeOrigin("o1"), { ttlMs: LONG, seenToken: 0 });
    assert.equal(result.outcome, "registered");
    const [origin, ...others] = await (await fleet.open()).listOrigins();
    assert.deepEqual(others, []);
    assert.deepEqual(origin, {
      ...describeOrigin("o1"),
      epoch: result.outcome === "registered" && result.epoch,
      since: result.outcome === "registered" && result.timeMs,
      beat: 0,
      load: 0,
      streams: 0,
    });
    const left = await registry.sessionTimeLeft("o1");
    assert.ok(left > LONG - 5_000 && left <= LONG, `time left is ${left} ms`);
    assert.equal(await registry.sessionTimeLeft("nobody"), 0);
  });

  fleetTest(open, "origins are listed by name", async (fleet) => {
    const registry = await fleet.open();
    for (const name of ["o3", "o1", "o2"]) await join(registry, name);
    const names = (await registry.listOrigins()).map(({ name }) => name);
    assert.deepEqual(names, ["o1", "o2", "o3"]);
  });

  fleetTest(open, "a second live instance of a name is refused and told who holds it", async (fleet) => {
    const registry = await fleet.open();
    const holder = await join(registry, "o1");
    const result = await registry.register(describeOrigin("o1", "another"), { ttlMs: LONG, seenToken: 0 });
    assert.equal(result.outcome, "conflict");
    if (result.outcome !== "conflict") return;
    assert.equal(result.holder.instance, holder.instance);
    assert.equal(result.holder.epoch, holder.epoch);
    assert.equal(result.holder.peer, "o1.internal:8080");
    assert.ok(result.ttlMs > 0 && result.ttlMs <= LONG);
  });

  fleetTest(open, "an instance that is proven gone is replaced at once, and only that one", async (fleet) => {
    const registry = await fleet.open();
    const old = await join(registry, "o1", { instance: "old" });
    const options = { ttlMs: LONG, seenToken: 0 };
    const wrong = await registry.register(describeOrigin("o1", "new"), {
      ...options,
      replaceInstance: "older",
    });
    assert.equal(wrong.outcome, "conflict");
    const right = await registry.register(describeOrigin("o1", "new"), {
      ...options,
      replaceInstance: "old",
    });
    assert.equal(right.outcome, "registered");
    assert.ok(right.outcome === "registered" && right.epoch > old.epoch);
    assert.deepEqual(await registry.heartbeat(old, beat()), { outcome: "lost", instance: "new" });
  });

  fleetTest(
    open,
    "registering again gives a greater epoch, and the old one can do nothing",
    async (fleet) => {
      const registry = await fleet.open();
      const first = await join(registry, "o1");
      const stream = await own(registry, first);
      const second = await join(registry, "o1");
      assert.ok(second.epoch > first.epoch);
      assert.equal(await ownerOf(registry), undefined, "the streams of the old session are free");
      assert.deepEqual(await registry.heartbeat(first, beat()), {
        outcome: "lost",
        instance: second.instance,
      });
      assert.deepEqual(await registry.claimStream(first, wish()), { outcome: "session-lost" });
      await registry.leave(first, "too late");
      assert.equal((await registry.listOrigins()).length, 1);
      const again = await own(registry, second, { policy: "reclaim", formerToken: stream.token });
      assert.ok(again.token > stream.token);
      assert.equal(await registry.releaseStreams(first, [again], "too late"), 0);
      assert.equal(await registry.describeStream(first, again, { codecs: "avc1", stalled: false }), false);
    },
  );

  fleetTest(open, "an epoch is greater than any number the origin has seen", async (fleet) => {
    const registry = await fleet.open();
    const before = await join(registry, "o1");
    const seen = before.epoch + 3_600_000_000;
    const session = await join(registry, "o1", { seenToken: seen });
    assert.ok(session.epoch > seen);
    const stream = await own(registry, session);
    assert.ok(stream.token > session.epoch, "tokens and epochs come from one counter");
    const other = await join(registry, "o2");
    assert.ok(other.epoch > stream.token);
  });

  fleetTest(open, "a session ends by itself, and nothing revives it", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1", { ttlMs: SHORT });
    await own(registry, session);
    await fleet.advance(SHORT + 50);
    assert.equal(await ownerOf(registry), undefined);
    assert.deepEqual(await registry.listOrigins(), []);
    assert.deepEqual(await registry.listStreams(), []);
    assert.deepEqual(await registry.heartbeat(session, beat()), { outcome: "lost", instance: "" });
    assert.deepEqual(await registry.claimStream(session, wish()), { outcome: "session-lost" });
    assert.equal(await registry.sessionTimeLeft("o1"), 0);
  });

  fleetTest(open, "a heartbeat renews the session and says how the origin is", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1", { ttlMs: SHORT });
    await own(registry, session);
    const result = await registry.heartbeat(
      session,
      beat({ beat: 7, state: "draining", load: 0.25, streams: 1 }),
    );
    assert.equal(result.outcome, "alive");
    await fleet.advance(SHORT + 50);
    assert.equal(await ownerOf(registry), "o1", "one renewal keeps all streams");
    const [origin] = await registry.listOrigins();
    assert.ok(origin);
    assert.equal(origin.beat, 7);
    assert.equal(origin.state, "draining");
    assert.equal(origin.load, 0.25);
    assert.equal(origin.streams, 1);
    assert.equal(origin.rtmp, "o1.example:1935");
    const next = await registry.heartbeat(session, beat());
    assert.ok(result.outcome === "alive" && next.outcome === "alive" && next.timeMs >= result.timeMs + SHORT);
  });

  fleetTest(open, "who leaves is gone at once, with its streams", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    await own(registry, session);
    await registry.leave({ ...session, instance: "somebody else" }, "forged");
    assert.equal(await ownerOf(registry), "o1");
    await registry.leave(session, "stopping");
    assert.equal(await ownerOf(registry), undefined);
    assert.deepEqual(await registry.listOrigins(), []);
    assert.deepEqual(await registry.listStreams(), []);
    await join(registry, "o1", { instance: "next" });
  });

  fleetTest(open, "a closed registry answers nothing", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    assert.equal(registry.available, true);
    await registry.close();
    await registry.close();
    assert.equal(registry.available, false);
    const unavailable = { name: "HoldfastError", code: "REGISTRY_UNAVAILABLE" };
    await assert.rejects(registry.heartbeat(session, beat()), unavailable);
    await assert.rejects(registry.claimStream(session, wish()), unavailable);
    await assert.rejects(registry.locate([wish().key]), unavailable);
    await assert.rejects(registry.connect(), unavailable);
  });
}
