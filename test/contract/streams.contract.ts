import assert from "node:assert/strict";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { KEY, LONG, beat, join, own, ownerOf, wish } from "./fleet-fixture.ts";
import { fleetTest } from "./in-fleet.ts";
import type { OpenFleet } from "./in-fleet.ts";

const SHORT = 1_000;

export function streamContract(open: OpenFleet): void {
  fleetTest(open, "a stream claimed at one origin is found from another", async (fleet) => {
    const [registry, elsewhere] = [await fleet.open(), await fleet.open()];
    const session = await join(registry, "o1");
    const granted = await registry.claimStream(session, wish({ codecs: "avc1", publisher: "198.51.100.7" }));
    assert.equal(granted.outcome, "granted");
    assert.equal(granted.outcome === "granted" && granted.previous, "");
    const [location] = await elsewhere.locate([KEY]);
    assert.ok(location);
    const { since, ...record } = location.record;
    assert.ok(since > 0);
    assert.deepEqual(record, {
      key: KEY,
      origin: "o1",
      epoch: session.epoch,
      token: granted.outcome === "granted" && granted.token,
      kind: "publish",
      publisher: "198.51.100.7",
      codecs: "avc1",
      previous: "",
      takeovers: 0,
      rank: 0,
      stalled: false,
    });
    assert.equal(location.owner.epoch, session.epoch);
    assert.equal(location.owner.relay, "o1.internal:1935");
  });

  fleetTest(open, "many keys are located at once, in order, known or not", async (fleet) => {
    const registry = await fleet.open();
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    const keys = Array.from({ length: 1_200 }, (_, i) => parseStreamKey(`live/cam${i}`));
    for (const [i, key] of keys.entries())
      if (i % 100 === 0) await own(registry, i % 200 === 0 ? one : two, { key });
    const found = await registry.locate(keys);
    assert.equal(found.length, keys.length);
    for (const [i, location] of found.entries()) {
      const wanted = i % 100 !== 0 ? undefined : i % 200 === 0 ? "o1" : "o2";
      assert.equal(location?.record.origin, wanted);
      assert.equal(location?.owner.name, wanted);
      assert.equal(location?.record.key, wanted && keys[i]);
    }
    assert.deepEqual(await registry.locate([]), []);
  });

  fleetTest(open, "any valid stream name can be owned", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const names = [
      "live/with space",
      "a/b/c/nested",
      "//vhost.example/live/cam",
      "live/ключ 键 🎥",
      "live/a=b&c",
      "live/{tag}",
      "live/*",
      "live/-1 2",
      'live/"quoted"',
    ];
    const keys = names.map(parseStreamKey);
    const owned = [];
    for (const key of keys) owned.push(await own(registry, session, { key }));
    const found = await registry.locate(keys);
    assert.deepEqual(
      found.map((location) => location?.record.key),
      keys,
    );
    assert.deepEqual((await registry.listStreams()).map(({ key }) => key).sort(), [...keys].sort());
    const thief = await join(registry, "o2");
    for (const key of keys) await own(registry, thief, { key });
    const answer = await registry.heartbeat(session, beat());
    assert.deepEqual(
      answer.outcome === "alive" && answer.lost.map(({ key }) => key).sort(),
      [...keys].sort(),
    );
    assert.equal(await registry.releaseStreams(session, owned, "test"), 0);
  });

  fleetTest(open, "a key that an enabled ingest feeds cannot be published", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    await fleet.enableIngest(KEY);
    assert.deepEqual(await registry.claimStream(session, wish()), { outcome: "ingested", ingest: KEY });
    assert.equal(await ownerOf(registry), undefined);
    assert.equal(
      (await registry.claimStream(session, wish({ kind: "ingest" }))).outcome,
      "stale-ingest",
      "what is not begun",
    );
  });

  fleetTest(open, "a released stream is free at once; a stale token releases nothing", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const first = await own(registry, session);
    const second = await own(registry, session);
    assert.ok(second.token > first.token);
    assert.equal(await registry.releaseStreams(session, [first], "stale"), 0);
    assert.equal(await ownerOf(registry), "o1");
    assert.equal(await registry.releaseStreams(session, [second], "unpublished"), 1);
    assert.equal(await registry.releaseStreams(session, [second], "unpublished"), 0);
    assert.equal(await ownerOf(registry), undefined);
    assert.deepEqual(await registry.listStreams(), []);
    const other = await join(registry, "o2");
    const third = await own(registry, other, { policy: "reject", formerToken: second.token });
    assert.ok(third.token > second.token);
  });

  fleetTest(open, "codecs are written by the owner only", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const first = await own(registry, session);
    assert.equal(
      await registry.describeStream(session, first, { codecs: "avc1,mp4a", stalled: false }),
      true,
    );
    const [before] = await registry.locate([KEY]);
    assert.equal(before?.record.codecs, "avc1,mp4a");
    const second = await own(registry, await join(registry, "o2"));
    assert.equal(await registry.describeStream(session, first, { codecs: "hvc1", stalled: false }), false);
    assert.equal(await registry.describeStream(session, second, { codecs: "hvc1", stalled: false }), false);
    const [after] = await registry.locate([KEY]);
    assert.equal(after?.record.codecs, "");
  });

  fleetTest(open, "a touch keeps records alive; without it they are collected", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const kept = await own(registry, session, { key: parseStreamKey("live/kept"), ttlMs: SHORT });
    const left = await own(registry, session, { key: parseStreamKey("live/left"), ttlMs: SHORT });
    assert.deepEqual(await registry.touchStreams(session, [kept], LONG), []);
    await fleet.advance(SHORT + 50);
    assert.equal(await ownerOf(registry, kept.key), "o1");
    assert.equal(await ownerOf(registry, left.key), undefined);
    assert.deepEqual(
      (await registry.listStreams()).map(({ key }) => key),
      [kept.key],
    );
    assert.deepEqual(await registry.touchStreams(session, [kept, left], LONG), [
      { key: left.key, outcome: "missing", token: 0 },
    ]);
  });

  fleetTest(open, "a touch tells what is missing from what is somebody else's", async (fleet) => {
    const registry = await fleet.open();
    const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
    const [mine, free, taken, orphan] = ["mine", "free", "taken", "orphan"].map((name) =>
      parseStreamKey(`live/${name}`),
    );
    assert.ok(mine && free && taken && orphan);
    const owned = [];
    for (const key of [mine, free, taken, orphan]) owned.push(await own(registry, one, { key }));
    await registry.releaseStreams(one, owned.slice(1, 2), "test");
    const theirs = await own(registry, two, { key: taken });
    const dead = await join(registry, "o3");
    await own(registry, dead, { key: orphan });
    await registry.leave(dead, "test");
    assert.deepEqual(await registry.touchStreams(one, owned, LONG), [
      { key: free, outcome: "missing", token: 0 },
      { key: taken, outcome: "taken", token: theirs.token },
      { key: orphan, outcome: "missing", token: 0 },
    ]);
    assert.deepEqual(await registry.touchStreams(one, [], LONG), []);
  });

  fleetTest(open, "a thousand streams and more are touched, listed and released", async (fleet) => {
    const registry = await fleet.open();
    const session = await join(registry, "o1");
    const keys = Array.from({ length: 1_201 }, (_, i) => parseStreamKey(`live/cam${i}`));
    const owned = await Promise.all(keys.map((key) => own(registry, session, { key })));
    assert.equal(new Set(owned.map(({ token }) => token)).size, keys.length, "every grant has its own token");
    assert.deepEqual(await registry.touchStreams(session, owned, LONG), []);
    const stale = owned.map((stream) => ({ ...stream, token: stream.token - 1 }));
    assert.equal((await registry.touchStreams(session, stale, LONG)).length, keys.length);
    assert.equal((await registry.listStreams()).length, keys.length);
    assert.equal(await registry.releaseStreams(session, owned, "test"), keys.length);
    assert.deepEqual(await registry.listStreams(), []);
  });
}
