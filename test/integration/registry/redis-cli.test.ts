import assert from "node:assert/strict";
import { test } from "node:test";
import { KEY_TABLE } from "../../../src/registry/key-table.ts";
import { beat, join, own, ownerOf } from "../../contract/fleet-fixture.ts";
import { redisCli } from "../../support/redis-cli.ts";
import { startRedis } from "../../support/start-redis.ts";
import { waitFor } from "../../support/wait.ts";
import { openRegistry } from "./open-registry.ts";

test("redis-cli alone shows who owns a stream, how long, and what happened", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  const cli = (...command: string[]) => redisCli(server.port, undefined, ...command);
  await own(registry, await join(registry, "o1"));
  const stream = await own(registry, await join(registry, "o2", { ttlMs: 5_000 }));

  const record = (await cli("HGETALL", "{holdfast}:stream:live/cam")).split("\n");
  assert.equal(record[record.indexOf("origin") + 1], "o2");
  assert.equal(record[record.indexOf("token") + 1], `${stream.token}`);
  assert.equal(record[record.indexOf("previous") + 1], "o1");
  const left = Number(await cli("PTTL", "{holdfast}:origin:o2"));
  assert.ok(left > 3_000 && left <= 5_000, `${left} ms`);
  const events = await cli("XREVRANGE", "{holdfast}:events", "+", "-", "COUNT", "20");
  assert.match(events, /taken-over\nstream\nlive\/cam\norigin\no2/);
  assert.match(events, /previous\no1/);
});

test("every command of the page about the keys works", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  const one = await join(registry, "o1");
  await own(registry, one);
  await own(registry, await join(registry, "o2"));
  await own(registry, one);
  for (const { look, type } of KEY_TABLE.filter((entry) => entry.type !== "pub/sub")) {
    const answer = await redisCli(server.port, undefined, ...look.split(" "));
    assert.doesNotMatch(answer, /^ERR|WRONGTYPE/, look);
    const missing = /EPOCH|ingest|plan|lease/.test(look);
    assert.equal(answer.trim() === "", missing, `${look} (${type}) shows something`);
  }
});

test("nothing is without a time to live but events, epoch and boot", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  const sessions = [await join(registry, "o1"), await join(registry, "o2")];
  for (const session of sessions) {
    const stream = await own(registry, session, { ttlMs: 30_000 });
    await registry.heartbeat(session, beat({ ttlMs: 5_000 }));
    assert.deepEqual(await registry.touchStreams(session, [stream], 30_000), []);
  }
  const keys = (await redisCli(server.port, undefined, "KEYS", "*")).trim().split("\n");
  assert.ok(keys.some((key) => key.startsWith("{holdfast}:lost:o1@")));
  for (const key of keys) {
    const ttl = Number(await redisCli(server.port, undefined, "PTTL", key));
    const kept = /^\{holdfast\}:(events|epoch|boot)$/.test(key);
    assert.ok(kept ? ttl === -1 : ttl > 0 && ttl <= 60_000, `${key} lives for ${ttl} ms`);
  }
  for (const session of sessions) await registry.leave(session, "test");
  const left = (await redisCli(server.port, undefined, "KEYS", "*")).trim().split("\n").sort();
  assert.deepEqual(
    left.filter((key) => !key.includes(":stream:")),
    ["{holdfast}:boot", "{holdfast}:epoch", "{holdfast}:events"],
  );
});

test("a session deleted by hand is noticed, and the origin comes back with its streams", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  const session = await join(registry, "o1");
  const stream = await own(registry, session);
  await redisCli(server.port, undefined, "DEL", "{holdfast}:origin:o1");
  assert.equal(await ownerOf(registry), undefined);
  assert.deepEqual(await registry.heartbeat(session, beat()), { outcome: "lost", instance: "" });
  const again = await join(registry, "o1", { seenToken: stream.token });
  await own(registry, again, { policy: "reclaim", formerToken: stream.token });
  assert.equal(await ownerOf(registry), "o1");
});

test("names of origins that are long gone are swept by the next registration", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  for (const name of ["pod-1", "pod-2"]) await join(registry, name, { ttlMs: 100 });
  await waitFor(async () => (await registry.listOrigins()).length === 0);
  await join(registry, "pod-3");
  assert.equal(await redisCli(server.port, undefined, "SMEMBERS", "{holdfast}:origins"), "pod-3\n");
});

test("the event log does not grow for ever", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url, { commandTimeoutMs: 5_000 });
  await registry.connect();
  const session = await join(registry, "o1");
  for (let round = 0; round < 24; round++)
    await Promise.all(Array.from({ length: 500 }, () => own(registry, session)));
  const length = Number(await redisCli(server.port, undefined, "XLEN", "{holdfast}:events"));
  assert.ok(length >= 10_000 && length < 10_500, `${length} entries`);
});
