import assert from "node:assert/strict";
import { test } from "node:test";
import type { Notice, RegistryEvent } from "../../../src/domain/ports/registry.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { LEAST_RIGHTS } from "../../../src/registry/keys.ts";
import { KEY, LONG, beat, join, own, ownerOf, wish } from "../../contract/fleet-fixture.ts";
import { redisCli } from "../../support/redis-cli.ts";
import { startRedisCluster } from "../../support/start-redis-cluster.ts";
import { waitFor } from "../../support/wait.ts";
import { COMMAND_TIMEOUT, openRegistry, timed } from "./open-registry.ts";

test("a fleet lives in a Redis Cluster of three nodes, and survives the loss of its master", async (t) => {
  const cluster = await startRedisCluster();
  t.after(() => cluster.stop());
  // With no more rights than docs/redis-keys.md names.
  const rights = ["on", ">secret", "~{holdfast}:*", "&{holdfast}:notify:*", ...LEAST_RIGHTS];
  for (const node of cluster.nodes)
    await redisCli(node.port, undefined, "ACL", "SETUSER", "fleet", ...rights);
  const { registry } = openRegistry(t, cluster.url.replace("//", "//fleet:secret@"));
  const { registry: elsewhere } = openRegistry(t, cluster.url);

  await t.test("every master is checked at the start", async () => {
    const warnings = await registry.connect();
    assert.equal(warnings.length, 3, "none of the three saves to disk");
    const bad = cluster.nodes[2];
    assert.ok(bad);
    await redisCli(bad.port, undefined, "CONFIG", "SET", "maxmemory-policy", "allkeys-random");
    await assert.rejects(elsewhere.connect(), { code: "REGISTRY_REFUSED", message: /allkeys-random/ });
    await redisCli(bad.port, undefined, "CONFIG", "SET", "maxmemory-policy", "noeviction");
    await elsewhere.connect();
  });

  await t.test("all transitions work: every key is in one slot", async () => {
    const [one, two] = [await join(registry, "o1"), await join(elsewhere, "o2")];
    const heard: Notice[] = [];
    const stop = await registry.onNotice("o1", (notice) => heard.push(notice));
    const events: RegistryEvent[] = [];
    const end = new AbortController();
    const following = (async () => {
      for await (const event of elsewhere.followEvents("0-0", end.signal)) events.push(event);
    })();
    t.after(() => end.abort());
    await own(registry, one);
    const won = await own(elsewhere, two);
    await waitFor(() => heard.length > 0, { what: "the notice" });
    assert.deepEqual(heard, [{ type: "taken-over", stream: won }]);
    const answer = await registry.heartbeat(one, beat());
    assert.deepEqual(answer.outcome === "alive" && answer.lost, [won]);
    assert.equal(await ownerOf(registry), "o2");
    assert.deepEqual(await elsewhere.touchStreams(two, [won], LONG), []);
    assert.equal(await elsewhere.describeStream(two, won, { codecs: "avc1", stalled: false }), true);
    assert.equal((await registry.listStreams())[0]?.codecs, "avc1");
    assert.equal((await registry.listOrigins()).length, 2);
    assert.ok((await registry.sessionTimeLeft("o1")) > 0);
    assert.equal(await elsewhere.releaseStreams(two, [won], "test"), 1);
    await waitFor(() => events.at(-1)?.type === "released", { what: "the last event" });
    assert.deepEqual(
      (await registry.recentEvents(3)).map(({ type }) => type),
      ["claimed", "taken-over", "released"],
    );
    await registry.leave(one, "test");
    stop();
    end.abort();
    await following;
  });

  await t.test("a master that hangs costs every call the time-out, and is used again", async () => {
    const session = await join(registry, "o1");
    const master = await cluster.masterOf("{holdfast}:epoch");
    master.pause();
    for (let call = 0; call < 4; call++) {
      const { error, ms } = await timed(registry.locate([KEY]));
      assert.equal((error as { code?: string }).code, "REGISTRY_UNAVAILABLE");
      assert.ok(ms < COMMAND_TIMEOUT + 250, `${ms} ms`);
    }
    master.resume();
    await waitFor(() => registry.heartbeat(session, beat()), { within: 20_000, what: "the master" });
  });

  await t.test(
    "a master that dies is replaced by its replica, and nothing given before is given again",
    async () => {
      const session = await join(registry, "o1");
      const key = parseStreamKey("live/kept");
      const stream = await own(registry, session, { key });
      const master = await cluster.masterOf("{holdfast}:epoch");
      const replica = await cluster.addReplica(master);
      await redisCli(replica.port, undefined, "ACL", "SETUSER", "fleet", ...rights);
      await master.kill();
      const { error, ms } = await timed(registry.locate([KEY]));
      assert.equal((error as { code?: string }).code, "REGISTRY_UNAVAILABLE");
      assert.ok(ms < COMMAND_TIMEOUT + 250, `${ms} ms`);
      await waitFor(() => registry.heartbeat(session, beat()), {
        within: 30_000,
        what: "the replica's promotion",
      });
      const promoted = async () => (await cluster.masterOf("{holdfast}:epoch")) === replica;
      await waitFor(promoted, { within: 30_000, what: "the news of it at the first node" });
      const held = await registry.claimStream(session, wish({ key, policy: "reject" }));
      assert.equal(held.outcome === "held" && held.token, stream.token, "the record was replicated");
      const next = await own(registry, session, { key });
      assert.ok(next.token > stream.token);
    },
  );
});
