import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Notice } from "../../../src/domain/ports/registry.ts";
import { LEAST_RIGHTS } from "../../../src/registry/keys.ts";
import { KEY, beat, describeOrigin, join, own, ownerOf, wish } from "../../contract/fleet-fixture.ts";
import { freePort } from "../../support/free-port.ts";
import { redisCli } from "../../support/redis-cli.ts";
import { startRedis } from "../../support/start-redis.ts";
import type { TestRedis } from "../../support/start-redis.ts";
import { waitFor } from "../../support/wait.ts";
import { openRegistry, timed } from "./open-registry.ts";

async function serve(t: TestContext, ...args: string[]): Promise<TestRedis> {
  const server = await startRedis({ args });
  t.after(() => server.stop());
  return server;
}

const refused = (text: RegExp) => ({ name: "HoldfastError", code: "REGISTRY_REFUSED", message: text });

test("a Redis that wants a password says so, at once and with every call", async (t) => {
  const server = await serve(t, "--requirepass", "right");
  const { registry } = openRegistry(t, server.url);
  await assert.rejects(registry.connect(), refused(/wants a password: write it into redis\.url/));
  await assert.rejects(registry.locate([KEY]), refused(/wants a password/));
  assert.equal(registry.available, false);
});

test("a wrong password is told from a missing one, and no message shows it", async (t) => {
  const server = await serve(t, "--requirepass", "right");
  const { registry, log } = openRegistry(t, `redis://:wr0ng@127.0.0.1:${server.port}`);
  const { error, ms } = await timed(registry.connect());
  assert.match(String(error), /does not know the user or the password/);
  assert.ok(ms < 1_000, "a refusal is not waited for");
  assert.ok(!JSON.stringify([String(error), log, registry.address]).includes("wr0ng"));
});

test("the right password works", async (t) => {
  const server = await serve(t, "--requirepass", "p@ss/w:rd");
  const password = encodeURIComponent("p@ss/w:rd");
  const { registry } = openRegistry(t, `redis://:${password}@127.0.0.1:${server.port}/3`);
  await registry.connect();
  await join(registry, "o1");
});

test("a Redis user with no more rights than the fleet's keys need can do everything", async (t) => {
  const server = await serve(t);
  const rights = ["~{holdfast}:*", "&{holdfast}:notify:*", ...LEAST_RIGHTS];
  await redisCli(server.port, undefined, "ACL", "SETUSER", "fleet", "on", ">secret", ...rights);
  const { registry } = openRegistry(t, `redis://fleet:secret@127.0.0.1:${server.port}`);
  const [warning, ...others] = await registry.connect();
  assert.match(warning ?? "", /saves nothing to disk/);
  assert.deepEqual(others, []);
  const [one, two] = [await join(registry, "o1"), await join(registry, "o2")];
  const heard: Notice[] = [];
  await registry.onNotice("o1", (notice) => heard.push(notice));
  await own(registry, one);
  const won = await own(registry, two);
  await waitFor(() => heard.length > 0, { what: "the notice" });
  await registry.heartbeat(one, beat({ acknowledged: [won] }));
  assert.equal(await ownerOf(registry), "o2");
  assert.equal((await registry.listOrigins()).length, 2);
  assert.equal((await registry.listStreams()).length, 1);
  assert.ok((await registry.sessionTimeLeft("o1")) > 0);
  assert.deepEqual(await registry.touchStreams(two, [won], 60_000), []);
  assert.equal(await registry.describeStream(two, won, { codecs: "avc1", stalled: false }), true);
  assert.equal(await registry.releaseStreams(two, [won], "test"), 1);
  for await (const event of registry.followEvents("0-0", t.signal)) if (event.type === "released") break;
  await registry.leave(one, "test");
});

test("a user that may not run scripts is told so", async (t) => {
  const server = await serve(t);
  await redisCli(
    server.port,
    undefined,
    "ACL",
    "SETUSER",
    "guest",
    "on",
    ">x",
    "~*",
    "&*",
    "+@all",
    "-@scripting",
  );
  const { registry } = openRegistry(t, `redis://guest:x@127.0.0.1:${server.port}`);
  await registry.connect();
  const attempt = registry.register(describeOrigin("o1"), { ttlMs: 5_000, seenToken: 0 });
  await assert.rejects(attempt, refused(/lacks a permission/));
  assert.equal(registry.available, true, "it answered");
});

test("a Redis that may evict ownership records is refused", async (t) => {
  const server = await serve(t, "--maxmemory-policy", "allkeys-lru");
  const { registry } = openRegistry(t, server.url);
  await assert.rejects(registry.connect(), refused(/maxmemory-policy allkeys-lru.*set it to noeviction/));
  await redisCli(server.port, undefined, "CONFIG", "SET", "maxmemory-policy", "noeviction");
  await registry.connect();
});

test("where CONFIG is forbidden, INFO tells the policy, and what is unknown is said", async (t) => {
  const open = await serve(t, "--rename-command", "CONFIG", "");
  const [warning, ...others] = await openRegistry(t, open.url).registry.connect();
  assert.match(warning ?? "", /does not tell whether it saves to disk/);
  assert.deepEqual(others, []);
  const evicting = await serve(t, "--rename-command", "CONFIG", "", "--maxmemory-policy", "volatile-ttl");
  await assert.rejects(
    openRegistry(t, evicting.url).registry.connect(),
    refused(/maxmemory-policy volatile-ttl/),
  );
});

test("a Redis without persistence is warned about, one with it is not", async (t) => {
  const forgetful = await serve(t);
  const [warning] = await openRegistry(t, forgetful.url).registry.connect();
  assert.match(warning ?? "", /saves nothing to disk/);
  const careful = await serve(t, "--appendonly", "yes");
  assert.deepEqual(await openRegistry(t, careful.url).registry.connect(), []);
  const snapshots = await serve(t, "--save", "900 1");
  assert.deepEqual(await openRegistry(t, snapshots.url).registry.connect(), []);
});

test("a read-only replica is refused", async (t) => {
  const master = await serve(t);
  const replica = await serve(t, "--replicaof", `127.0.0.1 ${master.port}`);
  const { registry } = openRegistry(t, replica.url);
  await assert.rejects(
    registry.connect(),
    refused(/is a read-only replica: redis\.url must lead to the master/),
  );
});

test("a master that becomes a replica refuses writes, and works again as a master", async (t) => {
  const [server, other] = [await serve(t), await serve(t)];
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  const session = await join(registry, "o1");
  await redisCli(server.port, undefined, "REPLICAOF", "127.0.0.1", `${other.port}`);
  await waitFor(async () => {
    const { error } = await timed(registry.claimStream(session, wish()));
    return String(error).includes("read-only replica");
  });
  await redisCli(server.port, undefined, "REPLICAOF", "NO", "ONE");
  const back = await waitFor(() => join(registry, "o1"));
  await own(registry, back);
});

test("a full Redis renews sessions and takes releases, but grants nothing", async (t) => {
  const server = await serve(t);
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  const session = await join(registry, "o1", { ttlMs: 5_000 });
  const stream = await own(registry, session);
  await own(registry, session, { policy: "takeover", formerToken: stream.token });
  await redisCli(server.port, undefined, "CONFIG", "SET", "maxmemory", "1");

  const answer = await registry.heartbeat(session, beat({ ttlMs: 60_000, beat: 5, load: 0.5 }));
  assert.equal(answer.outcome, "alive");
  assert.ok((await registry.sessionTimeLeft("o1")) > 50_000, "the session lives on");
  const [origin] = await registry.listOrigins();
  assert.equal(origin?.beat, 5);

  const before = await redisCli(server.port, undefined, "GET", "{holdfast}:epoch");
  await assert.rejects(registry.claimStream(session, wish()), refused(/out of memory: raise maxmemory/));
  await assert.rejects(
    registry.register(describeOrigin("o2"), { ttlMs: 5_000, seenToken: 0 }),
    refused(/out of memory/),
  );
  assert.equal(
    await redisCli(server.port, undefined, "GET", "{holdfast}:epoch"),
    before,
    "nothing was half done",
  );
  assert.equal(await ownerOf(registry), "o1");
  const [location] = await registry.locate([KEY]);
  assert.ok(location);
  assert.deepEqual(await registry.touchStreams(session, [location.record], 60_000), []);
  assert.equal(await registry.releaseStreams(session, [location.record], "test"), 1);
  await registry.leave(session, "test");
});

test("a Redis that is not there is unavailable at once, and used as soon as it is", async (t) => {
  const port = await freePort();
  const { registry } = openRegistry(t, `redis://127.0.0.1:${port}`);
  const unavailable = { code: "REGISTRY_UNAVAILABLE", message: /no connection .*ECONNREFUSED/ };
  const { error, ms } = await timed(registry.connect());
  assert.match(String(error), /ECONNREFUSED/);
  assert.ok(ms < 1_000, `it took ${ms} ms`);
  await assert.rejects(registry.locate([KEY]), unavailable);
  const server = await startRedis({ port });
  t.after(() => server.stop());
  await waitFor(() => registry.available, { what: "the connection" });
  await registry.connect();
  await join(registry, "o1");
});
