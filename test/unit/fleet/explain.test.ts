import assert from "node:assert/strict";
import { test } from "node:test";
import type { Registry, RegistryEvent } from "../../../src/domain/ports/registry.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import type { SwitchReason } from "../../../src/domain/stream-record.ts";
import { explainStream } from "../../../src/fleet/explain.ts";
import { MemoryLeases } from "../../../src/registry/memory-leases.ts";
import { createMemoryRegistry } from "../../../src/registry/memory-registry.ts";
import { MemoryStore } from "../../../src/registry/memory-store.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const CAM = parseStreamKey("live/cam");

function fleet() {
  const clock = new ManualClock();
  const registry = createMemoryRegistry(new MemoryStore(clock));
  const join = async (name: string) => {
    const instance = `instance-of-${name}`;
    const about = {
      name,
      host: name,
      instance,
      rtmp: "",
      http: "",
      relay: `${name}:1935`,
      peer: `${name}:8080`,
    };
    const result = await registry.register(
      { ...about, state: "up", weight: 1, version: "0.1.0" },
      { ttlMs: 5_000, seenToken: 0 },
    );
    assert.equal(result.outcome, "registered");
    return { name, instance, epoch: result.outcome === "registered" ? result.epoch : 0 };
  };
  const publish = async (session: { name: string; instance: string; epoch: number }, formerToken = 0) => {
    const claim = {
      kind: "publish",
      ttlMs: 30_000,
      publisher: "192.0.2.7",
      codecs: "",
      formerToken,
    } as const;
    const result = await registry.claimStream(session, {
      ...claim,
      key: CAM,
      policy: "takeover",
      pauseMinMs: 0,
      pauseMaxMs: 0,
      rank: 0,
      switched: "" as const,
      ingestToken: 0,
    });
    assert.equal(result.outcome, "granted");
    return result.outcome === "granted" ? result.token : 0;
  };
  return { clock, registry, join, publish };
}

const explain = async (registry: Registry) =>
  explainStream(
    { registry, leases: new MemoryLeases(new MemoryStore(new ManualClock())), clock: new ManualClock() },
    CAM,
  );

test("a stream that was never published", async () => {
  const { summary, live, lookup, reasons, history } = await explain(fleet().registry);
  assert.equal(summary, "Nobody publishes live/cam now.");
  assert.deepEqual([live, lookup, history.length], [false, null, 0]);
  assert.match(reasons[0] ?? "", /^Nobody published it, as far back/);
});

test("a stream that its encoder brought", async () => {
  const { registry, join, publish } = fleet();
  const token = await publish(await join("o1"));
  const { summary, reasons, lookup, history } = await explain(registry);
  assert.equal(summary, `live/cam is owned by o1, under token ${token}.`);
  assert.match(reasons[0] ?? "", /^An encoder at 192\.0\.2\.7 published it to o1, and nobody else had it/);
  assert.match(reasons[1] ?? "", /5\.0 s are left/);
  assert.equal(lookup?.token, token);
  assert.deepEqual(
    history.map((event) => event.text),
    ["o1 owns live/cam: publish from 192.0.2.7 (new)"],
  );
});

test("a stream that a second encoder took over, while its first owner lives and after", async () => {
  const { clock, registry, join, publish } = fleet();
  await publish(await join("o1"));
  await clock.advance(4_000);
  await publish(await join("o2"));
  const both = await explain(registry);
  assert.match(both.reasons[0] ?? "", /published it to o2 while o1 had it/);
  assert.ok(!both.reasons.some((reason) => reason.includes("no live session")));
  await clock.advance(2_000);
  const one = await explain(registry);
  assert.equal(one.reasons[1], "o1 has no live session now: it died or left.");
});

test("a stream that encoders stand by for", async () => {
  const { clock, registry, join } = fleet();
  const [one, two] = [await join("o1"), await join("o2")];
  const claim = async (session: typeof one, rank: number, switched: "" | SwitchReason) => {
    const about = { kind: "publish", policy: "standby", ttlMs: 30_000, publisher: "192.0.2.7" } as const;
    const pauses = { pauseMinMs: 10, pauseMaxMs: 60_000, ingestToken: 0 };
    const wish = { ...about, ...pauses, codecs: "", formerToken: 0, key: CAM, rank, switched };
    const result = await registry.claimStream(session, wish);
    assert.equal(result.outcome, "granted");
    await clock.advance(100);
    return { key: CAM, token: result.outcome === "granted" ? result.token : 0 };
  };
  const first = (await explain(registry)).reasons;
  assert.match(first[0] ?? "", /^Nobody published it/);
  const stalled = await claim(one, 1, "");
  await registry.describeStream(one, stalled, { codecs: "", stalled: true });
  assert.match(
    (await explain(registry)).reasons[2] ?? "",
    /^Its encoder brings nothing, or its origin drains/,
  );
  await claim(two, 2, "stalled");
  const { reasons, history, lookup } = await explain(registry);
  assert.match(
    reasons[0] ?? "",
    /^An encoder at 192\.0\.2\.7 stood by for it at o2 and went on .* brought nothing/,
  );
  assert.equal(
    history.at(-1)?.text,
    "o2 goes on with live/cam: the encoder from 192.0.2.7 that stood by (stalled)",
  );
  assert.equal(lookup?.stalled, false);
  await claim(one, 1, "preferred");
  assert.match((await explain(registry)).reasons[0] ?? "", /comes first and had been steady/);
  await registry.releaseStreams(one, [await claim(one, 1, "gone")], "disconnected");
  await claim(two, 2, "gone");
  assert.match((await explain(registry)).reasons[0] ?? "", /when the one before was gone/);
  await claim(one, 1, "preferred");
  assert.ok(
    (await explain(registry)).reasons.some((reason) => /preferred encoder 2 times in a row/.test(reason)),
  );
});

test("a stream whose owner released it, left, or died without a word", async () => {
  const released = fleet();
  const first = await released.join("o1");
  await released.registry.releaseStreams(
    first,
    [{ key: CAM, token: await released.publish(first) }],
    "encoder disconnected",
  );
  assert.deepEqual((await explain(released.registry)).reasons, [
    "o1, its last owner, gave it back (encoder disconnected).",
  ]);

  const left = fleet();
  const second = await left.join("o1");
  await left.publish(second);
  await left.registry.leave(second, "stopped");
  assert.deepEqual((await explain(left.registry)).reasons, ["o1, its last owner, left the fleet (stopped)."]);

  const died = fleet();
  await died.publish(await died.join("o1"));
  await died.clock.advance(6_000);
  assert.match(
    (await explain(died.registry)).reasons[0] ?? "",
    /^o1, its last owner, is gone without a word/,
  );
});

test("the history is of this stream alone, and of the sessions that owned it", async () => {
  const { registry, join, publish } = fleet();
  const session = await join("o1");
  await publish(session);
  await join("o2");
  await registry.leave(session, "stopped");
  const types = (await explain(registry)).history.map((event: Pick<RegistryEvent, "type">) => event.type);
  assert.deepEqual(types, ["claimed", "left"]);
});
