import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { pino } from "pino";
import { PLANNER_LEASE } from "../../src/domain/ingest.ts";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { createRedisRegistry } from "../../src/registry/redis-registry.ts";
import { freePort } from "../support/free-port.ts";
import { redisCli } from "../support/redis-cli.ts";
import { runHoldfast, type Holdfast } from "../support/run-holdfast.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";

const WITHIN = 60_000;
/** So long that nothing ends by itself while a test runs. */
const LEASE = { HOLDFAST_LEASE__TTL: "30s", HOLDFAST_LEASE__RENEW_EVERY: "1s" };

let home: string;
let redis: TestRedis;
let registry: Registry;
const running = new Map<string, Holdfast>();
const clean: (() => void)[] = [];

before(async () => {
  home = await mkdtemp(join(tmpdir(), "holdfast-obituary-"));
  redis = await startRedis();
  const log = pino({ level: "silent" });
  const timeouts = { commandTimeoutMs: 5_000, connectTimeoutMs: 5_000 };
  registry = createRedisRegistry({ url: redis.url, prefix: "{holdfast}", ...timeouts, log });
  await registry.connect();
});
after(async () => {
  for (const end of clean) end();
  await Promise.all([...running.values()].map((origin) => origin.kill()));
  await registry?.close();
  await redis?.stop();
  await rm(home, { recursive: true, force: true });
});

async function serve(name: string, env: Record<string, string> = {}): Promise<Holdfast> {
  const ports = ["--rtmp-port", "0", "--http-port", "0", "--api-port", "0"];
  const args = ["serve", "--name", name, "--bind", "127.0.0.1", ...ports, "--redis-url", redis.url];
  const key = { HOLDFAST_CLUSTER__KEY: "a key of the fleet under test", HOLDFAST_LOG__LEVEL: "info" };
  const origin = runHoldfast(args, { home, env: { ...LEASE, ...key, ...env } });
  running.set(name, origin);
  return origin;
}

const linesOf = (name: string, what: string) =>
  (running.get(name)?.said.stderr ?? "").split("\n").filter((line) => line.includes(`"${what}"`));

/** `watcher` holds a link to the present process of `peer`. */
const isLinked = (watcher: string, peer: string) =>
  linesOf(watcher, "peer linked").some((line) => line.includes(`"peer":"${peer}"`));

const sessions = async () => (await registry.listOrigins()).map(({ name }) => name);

async function buried(): Promise<string[]> {
  const events = await registry.recentEvents(200);
  return events.filter(({ type }) => type === "buried").map(({ fields }) => fields["origin"] ?? "");
}

async function kill(name: string): Promise<void> {
  await running.get(name)?.kill();
  running.delete(name);
}

test("the session of an origin that is killed is over within a second, whatever its time to live", async (t) => {
  for (const name of ["o1", "o2", "o3"]) await serve(name);
  const pairs = ["o1", "o2", "o3"].flatMap((one) =>
    ["o1", "o2", "o3"].filter((other) => other !== one).map((other) => [one, other] as const),
  );
  for (const [one, other] of pairs)
    await waitFor(() => isLinked(one, other), { within: WITHIN, what: `${one} linking ${other}` });
  // The planner is the one that dies: its office must be free at once, too.
  const { origin: victim } = await plannerOf();
  assert.ok(victim);
  const began = performance.now();
  running.get(victim)?.child.kill("SIGKILL");
  await waitFor(async () => !(await sessions()).includes(victim), { within: WITHIN, what: "the burial" });
  const took = Math.round(performance.now() - began);
  await waitFor(async () => (await plannerOf()).origin !== victim && (await plannerOf()).origin !== "", {
    within: 10_000,
    what: "another planner",
  });
  const planned = Math.round(performance.now() - began);
  t.diagnostic(`session over after ${took} ms, another plans after ${planned} ms`);
  assert.ok(took < 3_000, `${took} ms, of a time to live of 30 s`);
  assert.deepEqual(await buried(), [victim]);
  await kill(victim);
  await serve(victim);
  for (const other of ["o1", "o2", "o3"].filter((name) => name !== victim))
    await waitFor(() => linesOf(other, "peer linked").length >= 3, {
      within: WITHIN,
      what: `${other} relinking`,
    });
});

test("an origin that is stopped is not buried: its silence proves nothing", async () => {
  const before = await buried();
  const [victim = ""] = await sessions();
  const child = running.get(victim)?.child;
  child?.kill("SIGSTOP");
  try {
    await new Promise((resolve) => setTimeout(resolve, 4_000));
    assert.deepEqual(await buried(), before);
    assert.ok((await sessions()).includes(victim));
  } finally {
    child?.kill("SIGCONT");
  }
  const beatOf = async () => (await registry.listOrigins()).find(({ name }) => name === victim)?.beat ?? 0;
  const beat = await beatOf();
  await waitFor(async () => (await beatOf()) > beat, { within: WITHIN, what: "its next beat" });
  assert.deepEqual(await buried(), before);
});

test("an origin whose port is shut, and that beats, is not buried", async () => {
  const before = await buried();
  const port = await freePort();
  const door = await passOn(port);
  await serve("o4", { HOLDFAST_ADVERTISE__PEER: `127.0.0.1:${port}` });
  const at = await waitFor(
    () => /"http":"(127\.0\.0\.1:\d+)"/.exec(running.get("o4")?.said.stderr ?? "")?.[1],
    { within: WITHIN, what: "o4 saying where it listens" },
  );
  door.to(at);
  await waitFor(() => ["o1", "o2", "o3"].some((name) => isLinked(name, "o4")), {
    within: WITHIN,
    what: "somebody linking o4",
  });
  const [{ epoch } = { epoch: 0 }] = (await registry.listOrigins()).filter(({ name }) => name === "o4");
  await door.shut();
  await waitFor(
    () => ["o1", "o2", "o3"].some((name) => linesOf(name, "peer suspected").join().includes("o4")),
    {
      within: WITHIN,
      what: "o4 being suspected",
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  assert.deepEqual(await buried(), before);
  const [after] = (await registry.listOrigins()).filter(({ name }) => name === "o4");
  assert.equal(after?.epoch, epoch, "the same session");
});

test("an origin that is asked to end is not buried", async () => {
  const before = await buried();
  const leaver = running.get("o1");
  leaver?.child.kill("SIGTERM");
  await leaver?.ended;
  running.delete("o1");
  await waitFor(async () => !(await sessions()).includes("o1"), { within: WITHIN, what: "its leave" });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  assert.deepEqual(await buried(), before);
});

async function plannerOf(): Promise<{ origin: string }> {
  const value = await redisCli(redis.port, undefined, "GET", `{holdfast}:${PLANNER_LEASE}`);
  return { origin: value.trim().split("@")[0] ?? "" };
}

/** A door in front of an origin, which can be shut while that lives. */
async function passOn(port: number): Promise<{ to(address: string): void; shut(): Promise<void> }> {
  let target = "";
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((socket) => {
    keep(socket);
    const [host = "", number = ""] = target.split(":");
    if (target === "") return void socket.destroy();
    const inner = keep(connect(Number(number), host));
    socket.pipe(inner).pipe(socket);
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  assert.equal((server.address() as AddressInfo).port, port);
  const shut = async () => {
    for (const socket of sockets) socket.destroy();
    if (!server.listening) return;
    server.close();
    await once(server, "close");
  };
  clean.push(() => void shut());
  return { to: (address) => void (target = address), shut };
}
