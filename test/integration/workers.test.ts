import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { runHoldfast, type Holdfast } from "../support/run-holdfast.ts";
import { videoFrame, videoHeader } from "../support/sample-media.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { media } from "../support/wire-session.ts";

const KEY = { HOLDFAST_CLUSTER__KEY: "a-key-of-sufficient-length" };
const PORTS = ["--bind", "127.0.0.1", "--rtmp-port", "0", "--http-port", "0", "--api-port", "0"];
const PATIENCE = { within: 30_000 };

let redis: TestRedis;
let home: string;
before(async () => {
  redis = await startRedis();
  home = await mkdtemp(join(tmpdir(), "holdfast-workers-"));
});
after(async () => {
  await redis?.stop();
  if (home) await rm(home, { recursive: true, force: true });
});

interface Line {
  readonly msg: string;
  readonly [field: string]: unknown;
}

const lines = ({ said }: Holdfast): Line[] =>
  said.stderr
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Line);

/** Holdfast with two workers, once both serve. */
async function serve(t: TestContext, name: string) {
  const url = ["--redis-url", redis.url, "--name", name];
  const holdfast = runHoldfast(["serve", ...PORTS, ...url, "--workers", "2"], { home, env: KEY });
  t.after(() => holdfast.kill());
  const started = await waitFor(
    () => {
      assert.equal(holdfast.child.exitCode, null, holdfast.said.stderr);
      return lines(holdfast).find(({ msg }) => msg === "origin started");
    },
    { ...PATIENCE, what: "the line that it serves" },
  );
  const pids = () =>
    lines(holdfast).filter(({ msg }) => msg === "worker started") as { worker?: number; pid?: number }[];
  return {
    holdfast,
    rtmp: String(started["rtmp"]),
    http: String(started["http"]),
    api: String(started["api"]),
    pids,
  };
}

const names = async (): Promise<string[]> => {
  const { stdout } = await runHoldfast(["origins", "ls", "-o", "json", "--redis-url", redis.url], { home })
    .ended;
  return [...stdout.matchAll(/"name": *"([^"]+)"/g)].map(([, name]) => name ?? "").sort();
};

async function publish(t: TestContext, address: string, stream: string): Promise<WireClient> {
  const client = await WireClient.open(address);
  t.after(() => client.close());
  await client.connectTo("live", { type: "nonprivate" });
  client.tell(1, "publish", null, stream, "live");
  await client.status("NetStream.Publish.Start");
  client.send(media(MESSAGE.video, videoHeader()));
  let number = 0;
  const timer = setInterval(() => {
    if (client.ended) return clearInterval(timer);
    client.send({
      ...media(MESSAGE.video, videoFrame({ key: number % 5 === 0, number })),
      timestamp: 40 * number++,
    });
  }, 40);
  t.after(() => clearInterval(timer));
  return client;
}

async function play(t: TestContext, address: string, stream: string): Promise<WireClient> {
  const client = await WireClient.open(address);
  t.after(() => client.close());
  await client.connectTo("live");
  client.tell(1, "play", null, stream);
  await client.status("NetStream.Play.Start");
  return client;
}

const pictures = (client: WireClient) =>
  client.arrivals.filter(({ message }) => message.type === MESSAGE.video).length;

test("two workers share the ports: each connection finds every stream, and they are two origins of one host", async (t) => {
  const { rtmp, pids } = await serve(t, "both");
  await waitFor(async () => (await names()).length === 2, { ...PATIENCE, what: "both origins" });
  assert.deepEqual(await names(), ["both.1", "both.2"]);
  assert.equal(new Set(pids().map(({ pid }) => pid)).size, 2);
  await publish(t, rtmp, "cam");
  // Connections are handed out in turn: some reach the other worker, which relays.
  const players = await Promise.all([1, 2, 3, 4].map(() => play(t, rtmp, "cam")));
  await waitFor(() => players.every((player) => pictures(player) > 5), {
    ...PATIENCE,
    what: "media for all",
  });
});

test("metrics of both workers come in one answer, each named", async (t) => {
  const { api, http } = await serve(t, "counted");
  await waitFor(async () => (await fetch(`http://${http}/readyz`)).ok, { ...PATIENCE, what: "readiness" });
  const text = await waitFor(
    async () => {
      const body = await (await fetch(`http://${api}/metrics`)).text();
      return /worker="1"/.test(body) && /worker="2"/.test(body) ? body : undefined;
    },
    { ...PATIENCE, what: "metrics of both" },
  );
  const types = text.split("\n").filter((line) => line.startsWith("# TYPE"));
  assert.equal(new Set(types).size, types.length, "each family is described once");
});

test("a worker that is killed is started again under its name, and the other serves on", async (t) => {
  const { holdfast, rtmp, pids } = await serve(t, "hardy");
  await waitFor(() => pids().length === 2, { ...PATIENCE, what: "both workers" });
  const [victim] = pids();
  process.kill(Number(victim?.pid), "SIGKILL");
  await waitFor(() => lines(holdfast).some(({ msg }) => msg.startsWith("worker failed")), {
    ...PATIENCE,
    what: "the line about it",
  });
  await publish(t, rtmp, "cam");
  await waitFor(() => pids().filter(({ worker }) => worker === victim?.worker).length === 2, {
    ...PATIENCE,
    what: "the new one",
  });
  await waitFor(async () => (await names()).filter((name) => name.startsWith("hardy")).length === 2, {
    ...PATIENCE,
    what: "its registration",
  });
  assert.equal(holdfast.child.exitCode, null);
});

test("a signal ends all workers in order, and they give their sessions back", async (t) => {
  const { holdfast, pids } = await serve(t, "orderly");
  await waitFor(() => pids().length === 2, { ...PATIENCE, what: "both workers" });
  holdfast.child.kill("SIGINT");
  const { code } = await holdfast.ended;
  assert.equal(code, 0);
  assert.ok(!(await names()).some((name) => name.startsWith("orderly")));
  for (const { pid } of pids()) assert.throws(() => process.kill(Number(pid), 0), { code: "ESRCH" });
});

test("several workers without a registry are refused with the setting's name", async () => {
  const { code, stderr } = await runHoldfast(["serve", ...PORTS, "--workers", "2"], { home, env: KEY }).ended;
  assert.notEqual(code, 0);
  assert.match(stderr, /workers\.count.*redis\.url/s);
});
