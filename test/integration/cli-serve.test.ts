import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { runHoldfast, type Holdfast } from "../support/run-holdfast.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";

const KEY = { HOLDFAST_CLUSTER__KEY: "a-key-of-sufficient-length" };
const PORTS = ["--bind", "127.0.0.1", "--rtmp-port", "0", "--http-port", "0", "--api-port", "0"];

let redis: TestRedis;
let home: string;

before(async () => {
  redis = await startRedis();
  home = await mkdtemp(join(tmpdir(), "holdfast-serve-"));
});

after(async () => {
  await redis?.stop();
  if (home) await rm(home, { recursive: true, force: true });
});

function serve(t: TestContext, ...args: string[]): Holdfast {
  const holdfast = runHoldfast(["serve", ...PORTS, ...args], { home, env: KEY });
  t.after(() => holdfast.kill());
  return holdfast;
}

/** The lines of the log with this message. */
const logged = ({ said }: Holdfast, message: string) =>
  said.stderr
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Record<string, string>)
    .filter(({ msg }) => msg === message);

const whenLogged = (holdfast: Holdfast, message: string) =>
  waitFor(() => logged(holdfast, message)[0], { within: 20_000, what: `the line "${message}"` });

const names = async () =>
  (await runHoldfast(["origins", "ls", "-o", "json", "--redis-url", redis.url], { home }).ended).stdout;

test("one line says where everything is, and that it runs alone", async (t) => {
  const holdfast = serve(t, "--name", "alone");
  const line = await whenLogged(holdfast, "origin started");
  assert.match(line["rtmp"] ?? "", /^127\.0\.0\.1:\d+$/);
  assert.equal(line["registry"], "none: it runs alone (no redis.url)");
  assert.equal((await fetch(`http://${line["http"]}/readyz`)).status, 200);
  const streams = await fetch(`http://${line["api"]}/api/fleet/v1/streams`);
  assert.deepEqual(await streams.json(), { streams: [] });
  holdfast.child.kill("SIGTERM");
  const { code, stdout } = await holdfast.ended;
  assert.equal(code, 0);
  assert.equal(stdout, "", "only data goes to stdout");
  assert.equal(logged(holdfast, "origin started").length, 1);
});

test("a signal gives the session back at once", async (t) => {
  const holdfast = serve(t, "--name", "leaver", "--redis-url", redis.url);
  const line = await whenLogged(holdfast, "origin started");
  assert.equal(line["registry"], redis.url);
  assert.match(await names(), /"leaver"/);
  holdfast.child.kill("SIGINT");
  assert.equal((await holdfast.ended).code, 0);
  assert.doesNotMatch(await names(), /"leaver"/);
});

test("a second signal ends it at once", async (t) => {
  const holdfast = serve(t, "--name", "hasty");
  const line = await whenLogged(holdfast, "origin started");
  // A connection that says nothing keeps the first stop waiting for a moment.
  const [host, port] = (line["http"] ?? "").split(":");
  const idle = connect(Number(port), host);
  t.after(() => idle.destroy());
  idle.on("error", () => undefined);
  await once(idle, "connect");
  holdfast.child.kill("SIGTERM");
  await whenLogged(holdfast, "stop asked for");
  holdfast.child.kill("SIGTERM");
  const { code, stderr } = await holdfast.ended;
  assert.equal(code, 143);
  assert.match(stderr, /SIGTERM again: ending at once/);
});

test("a port in use is one clear line and exit code 1", async (t) => {
  const taken = createServer().listen(0, "127.0.0.1");
  t.after(() => taken.close());
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  for (const flag of ["--rtmp-port", "--http-port", "--api-port"]) {
    const { code, stderr } = await serve(t, "--name", "late", flag, String(port)).ended;
    assert.equal(code, 1, stderr);
    const [line, ...more] = stderr
      .trim()
      .split("\n")
      .filter((one) => one.startsWith("holdfast:"));
    assert.match(line ?? "", new RegExp(`127\\.0\\.0\\.1:${port}.*PORT_IN_USE`));
    assert.equal(more.length, 0);
  }
});

test("a name that another origin has is one clear line and exit code 1", async (t) => {
  const first = serve(t, "--name", "twin", "--redis-url", redis.url);
  const { http } = await whenLogged(first, "origin started");
  const { code, stderr } = await serve(t, "--name", "twin", "--redis-url", redis.url).ended;
  assert.equal(code, 1);
  assert.match(stderr, /^holdfast: .*NAME_CONFLICT\)$/m);
  assert.equal((await fetch(`http://${http}/readyz`)).status, 200, "the first one must not suffer");
});

test("a registry that refuses is exit code 4 with what to do", async (t) => {
  const locked = await startRedis({ args: ["--requirepass", "a-password"] });
  t.after(() => locked.stop());
  const { code, stderr } = await serve(t, "--name", "locked", "--redis-url", locked.url).ended;
  assert.equal(code, 4);
  assert.match(stderr, /^holdfast: Redis wants a password/m);
});

test("a registry that comes later is waited for with open ports", async (t) => {
  const late = await startRedis();
  await late.stop();
  const holdfast = serve(t, "--name", "patient", "--redis-url", late.url);
  await waitFor(() => holdfast.said.stderr.includes("registry"), { within: 20_000, what: "a line about it" });
  holdfast.child.kill("SIGTERM");
  assert.equal((await holdfast.ended).code, 0, holdfast.said.stderr);
});
