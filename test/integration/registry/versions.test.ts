import assert from "node:assert/strict";
import { test } from "node:test";
import { KEY, LONG, beat, join, own, ownerOf, wish } from "../../contract/fleet-fixture.ts";
import { redisCli } from "../../support/redis-cli.ts";
import { startRedis } from "../../support/start-redis.ts";
import { openRegistry } from "./open-registry.ts";

// An older and a newer version of Holdfast live in one fleet while it is upgraded. They are played here by what they
// would have written.

test("a newer version's records are read, kept and fenced", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  const session = await join(registry, "o1");
  const stream = await own(registry, session);
  const cli = (...command: string[]) => redisCli(server.port, undefined, ...command);
  await cli("HSET", "{holdfast}:origin:o1", "format", "2", "zone", "eu-1", "gpu", "2");
  await cli("HSET", "{holdfast}:stream:live/cam", "format", "2", "tracks", "[1,2]");

  const [location] = await registry.locate([KEY]);
  assert.equal(location?.record.token, stream.token);
  assert.equal(location.owner.name, "o1");
  await registry.heartbeat(session, beat({ beat: 3 }));
  await registry.touchStreams(session, [stream], LONG);
  await registry.describeStream(session, stream, { codecs: "avc1", stalled: false });
  assert.equal(
    await cli("HGET", "{holdfast}:origin:o1", "zone"),
    "eu-1\n",
    "a heartbeat leaves unknown fields",
  );
  assert.equal(await cli("HMGET", "{holdfast}:stream:live/cam", "tracks", "format"), "[1,2]\n2\n");

  const other = await own(registry, await join(registry, "o2"));
  assert.ok(other.token > stream.token);
  assert.equal(
    await cli("HGET", "{holdfast}:stream:live/cam", "tracks"),
    "\n",
    "a new ownership is a new record",
  );
});

test("an older version's records are read, and its ownership is respected", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  const cli = (...command: string[]) => redisCli(server.port, undefined, ...command);
  // Without the fields that later formats brought: format, peer, weight, takeovers, pausedUntil, countedUntil …
  const session = ["name", "old", "instance", "i", "epoch", "1000", "rtmp", "old:1935", "relay", "old:1935"];
  await cli("HSET", "{holdfast}:origin:old", ...session);
  await cli("PEXPIRE", "{holdfast}:origin:old", "60000");
  await cli("SADD", "{holdfast}:origins", "old");
  await cli("HSET", "{holdfast}:stream:live/cam", "origin", "old", "epoch", "1000", "token", "1001");
  await cli("SADD", "{holdfast}:held:old", "live/cam");

  const [location] = await registry.locate([KEY]);
  assert.equal(location?.owner.relay, "old:1935");
  assert.equal(location.owner.weight, 1);
  assert.equal(location.record.takeovers, 0);
  assert.equal((await registry.listOrigins())[0]?.name, "old");
  assert.equal((await registry.listStreams())[0]?.token, 1_001);
  const newer = await join(registry, "new");
  const held = await registry.claimStream(newer, wish({ policy: "reject" }));
  assert.deepEqual(held, { outcome: "held", origin: "old", token: 1_001 });
  assert.equal(await cli("HLEN", "{holdfast}:stream:live/cam"), "3\n", "reading and refusing change nothing");

  const stream = await own(registry, newer);
  assert.ok(stream.token > 1_001);
  assert.equal(await ownerOf(registry), "new");
  const answer = await registry.heartbeat({ name: "old", instance: "i", epoch: 1_000 }, beat());
  assert.deepEqual(answer.outcome === "alive" && answer.lost, [stream], "the old version hears of its loss");
});

test("what is no record at all is nobody's, and does not break a list", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  const cli = (...command: string[]) => redisCli(server.port, undefined, ...command);
  await own(registry, await join(registry, "o1"));
  await cli("HSET", "{holdfast}:origin:junk", "hello", "world");
  await cli("SADD", "{holdfast}:origins", "junk");
  await cli("SADD", "{holdfast}:held:o1", "not a key", "live/gone", "", "live/junk");
  await cli("HSET", "{holdfast}:stream:live/junk", "origin", "junk", "epoch", "-1");
  assert.deepEqual(
    (await registry.listOrigins()).map(({ name }) => name),
    ["o1"],
  );
  assert.deepEqual(
    (await registry.listStreams()).map(({ key }) => key),
    [KEY],
  );
});
