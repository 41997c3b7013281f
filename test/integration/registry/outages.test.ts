import assert from "node:assert/strict";
import { test } from "node:test";
import type { Notice, RegistryEvent } from "../../../src/domain/ports/registry.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { KEY, beat, describeOrigin, join, own, ownerOf, wish } from "../../contract/fleet-fixture.ts";
import { redisCli } from "../../support/redis-cli.ts";
import { startRedis } from "../../support/start-redis.ts";
import { waitFor } from "../../support/wait.ts";
import { systemClock } from "../../../src/ops/clock.ts";
import { COMMAND_TIMEOUT, PREFIX, openRegistry, timed } from "./open-registry.ts";

test("a hung Redis costs every call the command time-out and no more, and is used again when it goes on", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry, log } = openRegistry(t, server.url);
  await registry.connect();
  const session = await join(registry, "o1");
  const stream = await own(registry, session);

  server.pause();
  const calls: (() => Promise<unknown>)[] = [
    () => registry.heartbeat(session, beat()),
    () => registry.locate([KEY]),
    () => registry.claimStream(session, wish()),
    () => registry.releaseStreams(session, [stream], "test"),
    () => registry.register(describeOrigin("o1"), { ttlMs: 5_000, seenToken: 0 }),
    () => registry.sessionTimeLeft("o1"),
    () => registry.recentEvents(5),
    () => registry.listStreams(),
  ];
  for (const call of calls) {
    const { ms, error } = await timed(call());
    assert.equal((error as { code?: string }).code, "REGISTRY_UNAVAILABLE");
    assert.ok(ms < COMMAND_TIMEOUT + 250, `${ms} ms`);
    assert.equal(registry.available, false);
  }
  await waitFor(() => log.some(({ msg }) => msg === "registry connection lost"), {
    what: "a new connection",
  });

  server.resume();
  const start = performance.now();
  await waitFor(() => registry.heartbeat(session, beat()), { what: "an answer" });
  assert.ok(performance.now() - start < 3_000, "it did not take long");
  assert.equal(registry.available, true);
  await waitFor(() => log.some(({ msg }) => msg === "registry connection restored"), {
    what: "the log line",
  });
  const lines = log.filter(
    ({ msg, purpose }) => msg === "registry connection lost" && purpose === "commands",
  );
  assert.equal(lines.length, 1, "one line for one outage");
});

test("a claim that nobody waits for any more is not granted when Redis goes on", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  const session = await join(registry, "o1");
  server.pause();
  const late = [
    registry.claimStream(session, wish()),
    registry.register(describeOrigin("o2"), { ttlMs: 60_000, seenToken: 0 }),
  ];
  for (const outcome of await Promise.allSettled(late)) assert.equal(outcome.status, "rejected");
  const givenUp = performance.now();
  await waitFor(() => performance.now() > givenUp + 50);
  server.resume();
  const { registry: other } = openRegistry(t, server.url);
  await waitFor(async () => (await other.connect(), true));
  // The commands lay in the old socket. The statistics tell that they were carried out meanwhile.
  const scriptsRun = async () => {
    const counts = [...(await info(server.port)).matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)];
    return counts.reduce((sum, [, calls]) => sum + Number(calls), 0);
  };
  await waitFor(async () => (await scriptsRun()) === 3, { what: "the late commands" });
  assert.equal(await ownerOf(other), undefined, "the claim came too late");
  const names = (await other.listOrigins()).map(({ name }) => name);
  assert.deepEqual(names, ["o1"], "the registration came too late");
  const types = (await other.recentEvents(10)).map(({ type }) => type);
  assert.deepEqual(types, ["registered"]);
});

test("a machine that was suspended, and so guesses Redis time wrong, is granted what it asks for", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  let suspendedMs = 0;
  const clock = { ...systemClock, monotonic: () => performance.now() - suspendedMs };
  const { registry } = openRegistry(t, server.url, { clock });
  await registry.connect();
  const session = await join(registry, "o1");
  suspendedMs = 3_600_000;
  await own(registry, session);
  await join(registry, "o2");
});

test("a Redis that comes back empty gives greater epochs and tokens, and its change is noted", async (t) => {
  const first = await startRedis();
  t.after(() => first.stop());
  const { registry } = openRegistry(t, first.url);
  await registry.connect();
  const before = await join(registry, "o1");
  const stream = await own(registry, before);
  const boot = await redisCli(first.port, undefined, "GET", `${PREFIX}:boot`);
  // Its clock is behind what this fleet has seen: as if the host's clock had been set back.
  const seen = stream.token + 3_600_000_000;

  await first.kill();
  await assert.rejects(registry.heartbeat(before, beat()), { code: "REGISTRY_UNAVAILABLE" });
  assert.equal(registry.available, false);
  const second = await startRedis({ port: first.port });
  t.after(() => second.stop());

  const answer = await waitFor(() => registry.heartbeat(before, beat()));
  assert.deepEqual(answer, { outcome: "lost", instance: "" });
  const after = await join(registry, "o1", { seenToken: seen });
  assert.ok(after.epoch > seen);
  const again = await own(registry, after, { policy: "reclaim", formerToken: stream.token });
  assert.ok(again.token > after.epoch);
  const [event] = await registry.recentEvents(10);
  assert.equal(event?.type, "registered");
  assert.equal(event.fields["reason"], "new redis");
  const newBoot = await redisCli(first.port, undefined, "GET", `${PREFIX}:boot`);
  assert.match(newBoot, /^[0-9a-f]{40} \d{13}\n$/);
  assert.notEqual(newBoot, boot);
  await join(registry, "o2");
  const [, , last] = await registry.recentEvents(10);
  assert.equal(last?.fields["reason"], "start", "the same Redis is not new twice");
});

test("notices and followed events go on after Redis was away", async (t) => {
  const first = await startRedis();
  t.after(() => first.stop());
  const { registry } = openRegistry(t, first.url);
  const { registry: elsewhere } = openRegistry(t, first.url);
  await Promise.all([registry.connect(), elsewhere.connect()]);
  const heard: Notice[] = [];
  const events: RegistryEvent[] = [];
  await registry.onNotice("o1", (notice) => heard.push(notice));
  const stop = new AbortController();
  const following = (async () => {
    for await (const event of registry.followEvents("$", stop.signal)) events.push(event);
  })();
  await waitFor(async () => {
    await join(elsewhere, "o0");
    return events.length > 0;
  });

  await first.kill();
  const second = await startRedis({ port: first.port });
  t.after(() => second.stop());
  await waitFor(() => registry.available && elsewhere.available);

  const [one, two] = [await join(elsewhere, "o1"), await join(elsewhere, "o2")];
  const fight = { pauseMinMs: 0, pauseMaxMs: 0 };
  await waitFor(async () => {
    await own(elsewhere, one, fight);
    await own(elsewhere, two, fight);
    return heard.length > 0;
  });
  await waitFor(() => events.some(({ fields }) => fields["origin"] === "o2"), {
    what: "an event after the outage",
  });
  stop.abort();
  await following;
});

test("listening before Redis is there works as soon as it is", async (t) => {
  const first = await startRedis();
  await first.stop();
  const { registry } = openRegistry(t, first.url);
  const heard: Notice[] = [];
  const { ms } = await timed(registry.onNotice("o1", (notice) => heard.push(notice)));
  assert.ok(ms < 3_000);
  const server = await startRedis({ port: first.port });
  t.after(() => server.stop());
  const key = parseStreamKey("live/cam");
  await waitFor(async () => {
    await redisCli(server.port, undefined, "PUBLISH", `${PREFIX}:notify:o1`, "nonsense");
    await redisCli(server.port, undefined, "PUBLISH", `${PREFIX}:notify:o1`, `taken-over 5 ${key}`);
    return heard.length > 0;
  });
  assert.deepEqual(heard[0], { type: "taken-over", stream: { key, token: 5 } });
});

test("scripts survive a Redis that has forgotten them", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  const session = await join(registry, "o1");
  await own(registry, session);
  await redisCli(server.port, undefined, "SCRIPT", "FLUSH");
  assert.equal(await ownerOf(registry), "o1");
  await own(registry, session);
});

test("a lookup is one round trip", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const { registry } = openRegistry(t, server.url);
  await registry.connect();
  await own(registry, await join(registry, "o1"));
  await registry.locate([KEY]); // the first call of a connection carries the script itself
  await redisCli(server.port, undefined, "CONFIG", "RESETSTAT");
  const keys = Array.from({ length: 200 }, (_, i) => parseStreamKey(`live/cam${i}`));
  await registry.locate([KEY, ...keys]);
  const calls = [...(await info(server.port)).matchAll(/cmdstat_(\w+):calls=(\d+)/g)].map(([, name, n]) => [
    name,
    n,
  ]);
  assert.equal(Object.fromEntries(calls)["evalsha"], "1");
  assert.equal(Object.fromEntries(calls)["eval"], undefined);
});

function info(port: number): Promise<string> {
  return redisCli(port, undefined, "INFO", "commandstats");
}
