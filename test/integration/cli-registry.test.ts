import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pino } from "pino";
import type { SessionRef } from "../../src/domain/origin-record.ts";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { createRedisRegistry } from "../../src/registry/redis-registry.ts";
import { ingestOf } from "../support/ingest-owner.ts";
import { runHoldfast } from "../support/run-holdfast.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";

const PREFIX = "{cli}";
const REGISTRY = {
  prefix: PREFIX,
  commandTimeoutMs: 2_000,
  connectTimeoutMs: 2_000,
  log: pino({ level: "silent" }),
};
const STREAM_OF: Readonly<Record<string, string>> = { o1: "live/cam1", o2: "live/cam2" };

let redis: TestRedis;
let registry: Registry;
let home: string;

before(async () => {
  redis = await startRedis();
  home = await mkdtemp(join(tmpdir(), "holdfast-cli-"));
  registry = createRedisRegistry({ ...REGISTRY, url: redis.url });
  await registry.connect();
  await registry.ingests.put(ingestOf("live/awaited", { onDemand: true }), "test");
  for (const name of ["o1", "o2"]) await register(name);
});

after(async () => {
  await registry?.close();
  await redis?.stop();
  if (home) await rm(home, { recursive: true, force: true });
});

async function register(name: string, at = registry, stream = STREAM_OF[name]): Promise<void> {
  const result = await at.register(
    {
      name,
      instance: `instance-of-${name}`,
      host: name,
      rtmp: `${name}.example:1935`,
      http: `${name}.example:8080`,
      relay: `10.0.0.1:1935`,
      peer: `10.0.0.1:8080`,
      state: "up",
      weight: 1,
      version: "0.1.0",
    },
    { ttlMs: 600_000, seenToken: 0 },
  );
  assert.equal(result.outcome, "registered");
  if (result.outcome === "registered")
    await claim(at, { name, instance: `instance-of-${name}`, epoch: result.epoch }, stream);
}

async function claim(at: Registry, session: SessionRef, stream: string | undefined): Promise<void> {
  if (stream === undefined) return;
  const result = await at.claimStream(session, {
    key: parseStreamKey(stream),
    kind: "publish",
    policy: "takeover",
    ttlMs: 600_000,
    publisher: "192.0.2.7",
    codecs: "avc1,mp4a",
    formerToken: 0,
    pauseMinMs: 1_000,
    pauseMaxMs: 60_000,
    rank: 0,
    switched: "" as const,
    ingestToken: 0,
  });
  assert.equal(result.outcome, "granted");
}

const start = (args: readonly string[], env: Record<string, string> = {}) => runHoldfast(args, { home, env });
const at = () => ["--redis-url", redis.url, "--redis-prefix", PREFIX];
const run = (...args: string[]) => start([...args, ...at()]).ended;

test("streams ls prints a table on stdout and nothing on stderr", async () => {
  const { code, stdout, stderr } = await run("streams", "ls");
  assert.equal(code, 0);
  assert.equal(stderr, "");
  const [head, first, second] = stdout.split("\n");
  assert.match(head ?? "", /^STREAM +OWNER +KIND +AGE +CODECS +PUBLISHER +TOKEN$/);
  assert.match(first ?? "", /^live\/cam1 +o1 +publish +[\d.]+s +avc1,mp4a +192\.0\.2\.7 +\d{16}$/);
  assert.match(second ?? "", /^live\/cam2 +o2 /);
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(stdout, /\u001b/, "escape codes in a pipe");
});

test("every command prints JSON on request, in the form of the API", async () => {
  const json = async (...args: string[]) => JSON.parse((await run(...args, "-o", "json")).stdout);
  const [streams, origins, stream, origin, lookup, explanation, events] = await Promise.all([
    json("streams", "ls", "--origin", "o2"),
    json("origins", "ls"),
    json("streams", "show", "live/cam1"),
    json("origins", "show", "o1"),
    json("lookup", "live/cam1"),
    json("explain", "live/cam1"),
    json("events", "--stream", "live/cam1"),
  ]);
  assert.deepEqual(
    streams.streams.map((one: { stream: string }) => one.stream),
    ["live/cam2"],
  );
  assert.deepEqual(
    origins.origins.map((one: { name: string }) => one.name),
    ["o1", "o2"],
  );
  assert.equal(stream.origin, "o1");
  assert.deepEqual(
    origin.owns.map((one: { stream: string }) => one.stream),
    ["live/cam1"],
  );
  assert.ok(origin.timeLeftMs > 0 && origin.timeLeftMs <= 600_000);
  assert.equal(lookup.urls.rtmp, "rtmp://o1.example:1935/live/cam1");
  assert.equal(explanation.live, true);
  assert.equal(explanation.history.at(-1).type, "claimed");
  assert.deepEqual(
    events.events.map((one: { type: string }) => one.type),
    ["claimed"],
  );
});

test("lookup says what a client gets from any origin", async () => {
  const { stdout } = await run("lookup", "live/cam1");
  assert.match(stdout, /^Owner +o1 \(epoch \d+, up\)$/m);
  assert.match(stdout, /^Time left +[\dms.]+ of/m);
  assert.match(stdout, /^ +elsewhere, RTMP +the stream, relayed from o1 \(10\.0\.0\.1:1935\)$/m);
  assert.match(stdout, /^ +elsewhere, HTTP-FLV +302 to http:\/\/o1\.example:8080\/live\/cam1\.flv$/m);
});

test("explain answers why there and what happened before", async () => {
  const live = await run("explain", "live/cam1");
  assert.match(live.stdout, /^live\/cam1 is owned by o1, under token \d+\.$/m);
  assert.match(live.stdout, /An encoder at 192\.0\.2\.7 published it to o1/);
  assert.match(live.stdout, /o1 owns live\/cam1: publish from 192\.0\.2\.7/);
  const unknown = await run("explain", "live/none");
  assert.equal(unknown.code, 0);
  assert.match(unknown.stdout, /Nobody publishes live\/none now/);
});

test("events -f goes on with what happens until Ctrl-C", async () => {
  const { child, said, ended } = start(["events", "-f", "-n", "1", "-o", "json", ...at()]);
  await waitFor(() => said.stdout.includes("\n"), { within: 20_000, what: "the past" });
  await register("o3");
  await waitFor(() => said.stdout.includes("o3"), { within: 20_000, what: "the new event" });
  child.kill("SIGINT");
  assert.equal((await ended).code, 0);
  const types = said.stdout
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { type: string }).type);
  assert.deepEqual(types.slice(0, 2), ["claimed", "registered"]);
});

const codes: [string, (url: string) => string[], number, RegExp][] = [
  ["help", () => ["--help"], 0, /^$/],
  ["help of a command", () => ["streams", "ls", "--help"], 0, /^$/],
  ["the version", () => ["--version"], 0, /^$/],
  ["no command", () => [], 2, /Usage: holdfast/],
  ["an unknown command", () => ["strams"], 2, /Did you mean streams\?/],
  ["an unknown subcommand", () => ["origins", "shwo"], 2, /Did you mean show\?/],
  ["an unknown option", () => ["events", "--folow"], 2, /Did you mean --follow\?/],
  ["a missing argument", () => ["lookup"], 2, /missing required argument 'stream'/],
  ["a wrong output form", () => ["streams", "ls", "-o", "xml"], 2, /Allowed choices are table, json/],
  ["a number out of range", () => ["fleet", "-n", "11"], 2, /A number from 1 to 10 is expected/],
  ["no registry", () => ["streams", "ls"], 2, /no registry is given/],
  [
    "a flag with a wrong value",
    () => ["streams", "ls", "--redis-url", "http://x"],
    2,
    /--redis-url \(flag\)/,
  ],
  [
    "a stream name that is none",
    (url) => ["lookup", "cam1", "--redis-url", url],
    2,
    /app\/stream is expected/,
  ],
  ["a settings file that is wrong", () => ["serve", "--config", join(home, "bad.yml")], 1, /bad\.yml:1:1/],
  ["a settings file that is not there", () => ["serve", "--config", join(home, "none.yml")], 1, /none\.yml/],
  [
    "an unknown stream",
    (url) => ["lookup", "live/none", "--redis-url", url],
    3,
    /nobody publishes live\/none/,
  ],
  [
    "a stream that an ingest should bring",
    (url) => ["lookup", "live/awaited", "--redis-url", url, "--redis-prefix", PREFIX],
    3,
    /nobody owns live\/awaited now; an ingest on demand brings it, and plays wait for it/,
  ],
  [
    "an unknown stream to show",
    (url) => ["streams", "show", "a/b", "--redis-url", url],
    3,
    /nobody publishes/,
  ],
  ["an unknown origin", (url) => ["origins", "show", "o9", "--redis-url", url], 3, /no origin o9 is alive/],
  ["an origin to kill that is not there", () => ["fleet", "--kill", "o1"], 3, /no `holdfast fleet`/],
  [
    "a registry that is not there",
    () => ["streams", "ls", "--redis-url", "redis://127.0.0.1:1"],
    4,
    /ECONNREFUSED/,
  ],
];

for (const [what, args, code, words] of codes) {
  test(`${what}: exit code ${code}`, async () => {
    await writeFile(join(home, "bad.yml"), "colour: blue\n");
    const result = await start(args(redis.url)).ended;
    assert.equal(result.code, code, result.stderr);
    assert.match(result.stderr, words);
    if (code !== 0) assert.equal(result.stdout, "");
  });
}

test("a registry that refuses is exit code 4 with advice", async () => {
  const locked = await startRedis({ args: ["--requirepass", "a-password"] });
  try {
    const result = await start(["streams", "ls", "--redis-url", locked.url]).ended;
    assert.equal(result.code, 4);
    assert.match(result.stderr, /Redis wants a password/);
  } finally {
    await locked.stop();
  }
});

test("a read-only replica and an evicting Redis are read, with a warning", async (t) => {
  const master = await startRedis();
  t.after(() => master.stop());
  const wants = ["--replicaof", `127.0.0.1 ${master.port}`, "--maxmemory-policy", "allkeys-lru"];
  const replica = await startRedis({ args: wants });
  t.after(() => replica.stop());
  const writing = createRedisRegistry({ ...REGISTRY, url: master.url });
  t.after(() => writing.close());
  await writing.connect();
  await register("o1", writing);
  const read = (...args: string[]) =>
    start([...args, "--redis-url", replica.url, "--redis-prefix", PREFIX]).ended;
  await waitFor(async () => (await read("lookup", "live/cam1")).code === 0, {
    within: 60_000,
    what: "the copy on the replica",
  });
  const [streams, origin, explanation, events] = await Promise.all([
    read("streams", "ls"),
    read("origins", "show", "o1"),
    read("explain", "live/cam1"),
    read("events"),
  ]);
  assert.match(streams.stdout, /^live\/cam1 +o1 /m);
  assert.match(origin.stdout, /^Streams +live\/cam1$/m);
  assert.match(explanation.stdout, /^live\/cam1 is owned by o1/);
  assert.match(events.stdout, /o1 owns live\/cam1/);
  for (const { code, stderr } of [streams, origin, explanation, events]) {
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^warning: Redis at .* is a read-only replica/m);
    assert.match(stderr, /^warning: Redis at .* has maxmemory-policy allkeys-lru/m);
  }
});

test("events of an origin are also those by which it lost a stream", async () => {
  await register("o4", registry, "live/moved");
  await register("o5", registry, "live/moved");
  const { stdout } = await run("events", "--origin", "o4");
  assert.match(stdout, /o4 owns live\/moved/);
  assert.match(stdout, /o5 took live\/moved over from o4/);
});

test("the registry is found in the environment and in a settings file, without the cluster key", async () => {
  // The indexes of those that were registered first may have run out on a busy machine.
  await register("o6", registry, "live/cam6");
  const env = { HOLDFAST_REDIS__URL: redis.url, HOLDFAST_REDIS__PREFIX: PREFIX };
  assert.match((await start(["streams", "ls"], env).ended).stdout, /live\/cam6/);
  const file = join(home, "holdfast.yml");
  await writeFile(file, `redis:\n  url: ${redis.url}\n  prefix: "${PREFIX}"\n`);
  assert.match((await start(["streams", "ls", "--config", file]).ended).stdout, /live\/cam6/);
});

test("a reader that leaves early is no failure", async () => {
  const { child, ended } = start(["events", "-n", "1000", ...at()]);
  child.stdout?.destroy();
  assert.equal((await ended).code, 0);
});
