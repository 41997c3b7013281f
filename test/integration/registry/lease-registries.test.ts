import assert from "node:assert/strict";
import { test } from "node:test";
import { LEAST_RIGHTS } from "../../../src/registry/keys.ts";
import { redisCli } from "../../support/redis-cli.ts";
import { startRedisCluster } from "../../support/start-redis-cluster.ts";
import { startRedisSentinel } from "../../support/start-redis-sentinel.ts";
import { startRedis } from "../../support/start-redis.ts";
import { waitFor } from "../../support/wait.ts";
import { grantOf, NAME, one, openLeases, two } from "./open-leases.ts";

const LONG = 60_000;

test("leases live in a Redis Cluster, with the rights that docs/redis-keys.md names", async (t) => {
  const cluster = await startRedisCluster();
  t.after(() => cluster.stop());
  const rights = ["on", ">secret", "~{holdfast}:*", "&{holdfast}:notify:*", ...LEAST_RIGHTS];
  for (const node of cluster.nodes)
    await redisCli(node.port, undefined, "ACL", "SETUSER", "fleet", ...rights);
  const { leases } = openLeases(t, [cluster.url.replace("//", "//fleet:secret@")], {
    commandTimeoutMs: 2_000,
  });
  await leases.connect();
  const lease = await grantOf(leases, one, LONG);
  assert.equal(await leases.extend(lease, LONG), "extended");
  assert.deepEqual(await leases.acquire(NAME, two, LONG), { outcome: "held", by: "o1" });
  await leases.release(lease, { origin: "o2", ms: LONG });
  await grantOf(leases, two, LONG);
  assert.deepEqual((await leases.inspect(NAME))?.holder, two);
  assert.equal(await leases.bury({ name: "o2", epoch: 12 }, [NAME]), 1);
  await grantOf(leases, one, LONG);
});

test("leases follow a Sentinel to the next master", async (t) => {
  const setup = await startRedisSentinel({ password: "inside" });
  t.after(() => setup.stop());
  const { leases } = openLeases(t, [setup.url.replace("//", "//:inside@")], { commandTimeoutMs: 1_000 });
  await leases.connect();
  const lease = await grantOf(leases, one, LONG);
  await waitFor(
    async () =>
      (await redisCli(setup.replica.port, "inside", "GET", "{holdfast}:lease:live/cam")).trim() ===
      "o1@11#101",
    { what: "the lease at the replica" },
  );
  await setup.master.kill();
  await assert.rejects(leases.extend(lease, LONG), { code: "REGISTRY_UNAVAILABLE" });
  const renewed = await waitFor(() => leases.extend(lease, LONG), {
    within: 40_000,
    what: "an answer of the new master",
  });
  assert.equal(renewed, "extended");
});

test("a server that has forgotten the scripts is sent them again", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { leases } = openLeases(t, [server.url]);
  await leases.connect();
  const lease = await grantOf(leases, one, LONG);
  await redisCli(server.port, undefined, "SCRIPT", "FLUSH");
  assert.equal(await leases.extend(lease, LONG), "extended");
  await redisCli(server.port, undefined, "SCRIPT", "FLUSH");
  await leases.release(lease);
  await grantOf(leases, two, LONG);
});

test("what Redis refuses is told as it is", async (t) => {
  const server = await startRedis({ args: ["--requirepass", "right"] });
  t.after(() => server.stop());
  const { leases } = openLeases(t, [`redis://:right@127.0.0.1:${server.port}`]);
  await leases.connect();
  await grantOf(leases, one, LONG);
  await redisCli(server.port, "right", "ACL", "SETUSER", "default", "-@scripting");
  await assert.rejects(leases.acquire("lease:live/other", two, LONG), {
    code: "REGISTRY_REFUSED",
    message: /lacks a permission/,
  });
});
