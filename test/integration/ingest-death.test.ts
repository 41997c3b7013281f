import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pino } from "pino";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { createRedisRegistry } from "../../src/registry/redis-registry.ts";
import { MediaLibrary } from "../support/media-library.ts";
import { runHoldfast, type Holdfast } from "../support/run-holdfast.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";
import { WirePublisher } from "../support/wire-publisher.ts";

const WITHIN = 60_000;
const STREAMS = Array.from({ length: 6 }, (_, i) => `live/c${i}`);
const TTL_MS = 3_000;

const library = new MediaLibrary();
const publishers: WirePublisher[] = [];
const running = new Map<string, Holdfast>();
let home: string;
/** The origin of another fleet, whose streams are the sources. */
let source: TestFleet;
let redis: TestRedis;
let registry: Registry;
let config: string;

before(async () => {
  home = await mkdtemp(join(tmpdir(), "holdfast-death-"));
  source = await startFleet({ origins: 1 });
  const { rtmp } = at().at;
  const media = await library.get({ video: "h264", audio: "aac", take: 1, bFrames: false });
  for (const stream of STREAMS) publishers.push(new WirePublisher(rtmp, stream, media));
  for (const stream of STREAMS) await source.owned(stream, at());
  redis = await startRedis();
  const log = pino({ level: "silent" });
  const timeouts = { commandTimeoutMs: 5_000, connectTimeoutMs: 5_000 };
  registry = createRedisRegistry({ url: redis.url, prefix: "{holdfast}", ...timeouts, log });
  await registry.connect();
  config = join(home, "holdfast.yml");
  const ingests = STREAMS.map((stream) => `  - { stream: ${stream}, url: "rtmp://${rtmp}/${stream}" }`);
  const lease = `lease: { ttl: ${TTL_MS}ms, renewEvery: 500ms }`;
  await writeFile(config, `${lease}\ncluster: { key: a key of the fleet under test }\n`);
  await writeFile(config, `ingests:\n${ingests.join("\n")}\n`, { flag: "a" });
  for (const name of ["o1", "o2", "o3"]) serve(name);
  await live();
});
after(async () => {
  for (const { child } of running.values()) child.kill("SIGCONT");
  await Promise.all([...running.values()].map((origin) => origin.kill()));
  await Promise.all(publishers.map((publisher) => publisher.stop()));
  await registry?.close();
  await redis?.stop();
  await source?.stop();
  await library.close();
  await rm(home, { recursive: true, force: true });
});

function at(): TestOrigin {
  return source.origins[0] as TestOrigin;
}

function serve(name: string): void {
  const ports = ["--rtmp-port", "0", "--http-port", "0", "--api-port", "0"];
  const where = ["--config", config, "--name", name, "--bind", "127.0.0.1", "--redis-url", redis.url];
  running.set(name, runHoldfast(["serve", ...where, ...ports], { home }));
}

/** How many connections each source has. */
function pulls(): number[] {
  return at()
    .origin.streams()
    .map(({ players }) => players);
}

/** Who pulls what, as the registry has it: only what is live. */
async function owners(): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { owner, state } of await registry.ingests.list())
    if (state === "live") counts[owner] = (counts[owner] ?? 0) + 1;
  return counts;
}

/** All ingests are live at origins that live, and each source has one connection. */
function live(alive: readonly string[] = [...running.keys()]): Promise<Record<string, number>> {
  return waitFor(
    async () => {
      const counts = await owners();
      const total = alive.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
      return total === STREAMS.length && pulls().every((count) => count === 1) ? counts : undefined;
    },
    { within: WITHIN, what: `all being live at ${alive.join(", ")}` },
  );
}

test("what a killed origin pulled is pulled by the others, and no source has two connections", async (t) => {
  const before = await owners();
  const victim = "o2";
  assert.ok((before[victim] ?? 0) > 0, JSON.stringify(before));
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, ...pulls())), 5);
  const began = performance.now();
  running.get(victim)?.child.kill("SIGKILL");
  await running.get(victim)?.ended;
  running.delete(victim);
  const counts = await live();
  clearInterval(watch);
  t.diagnostic(`${before[victim]} ingests live again after ${Math.round(performance.now() - began)} ms`);
  assert.equal(most, 1);
  assert.deepEqual(Object.values(counts).toSorted(), [3, 3]);
  for (const name of ["o1", "o3"])
    assert.ok((counts[name] ?? 0) >= (before[name] ?? 0), "nothing else has moved");
});

test("an origin that is stopped for longer than its lease gives its ingests up when it wakes", async () => {
  const victim = running.get("o1");
  victim?.child.kill("SIGSTOP");
  await waitFor(async () => (await owners())["o3"] === STREAMS.length, {
    within: WITHIN,
    what: "the take-over",
  });
  victim?.child.kill("SIGCONT");
  await waitFor(() => pulls().every((count) => count === 1), {
    within: WITHIN,
    what: "the zombie letting go",
  });
  assert.match(victim?.said.stderr ?? "", /ingest lease lost|session lost/);
  await waitFor(async () => (await registry.listOrigins()).length === 2, {
    within: WITHIN,
    what: "o1 again",
  });
});
