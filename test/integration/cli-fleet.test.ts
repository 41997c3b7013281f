import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { hostname, networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { identify } from "../../src/commands/fleet/process-identity.ts";
import { freePort } from "../support/free-port.ts";
import { runHoldfast, type Holdfast } from "../support/run-holdfast.ts";
import { startRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";

interface Shown {
  readonly redisUrl: string;
  readonly origins: readonly { name: string; rtmp: string; http: string; api: string }[];
}

/** A fleet of two on free ports, and its state as other terminals see it. */
async function startFleet(t: TestContext, ...args: string[]) {
  const home = await mkdtemp(join(tmpdir(), "holdfast-fleet-"));
  const ports = ["--rtmp-port", "--http-port", "--api-port"];
  const flags = await Promise.all(ports.map(async (flag) => [flag, String(await freePort())]));
  const fleet = runHoldfast(["fleet", "-n", "2", ...flags.flat(), ...args], { home });
  let pids: number[] = [];
  t.after(async () => {
    await fleet.kill();
    await waitFor(() => !pids.some(isRunning), { within: 20_000, what: "the end of the origins" });
    await rm(home, { recursive: true, force: true });
  });
  const state = await waitFor(() => readState(home), { within: 40_000, what: "the fleet" });
  pids = state.origins.map(({ process }) => process.pid);
  const run = (...words: string[]) => runHoldfast(words, { home }).ended;
  return { home, fleet, state, pids, run };
}

interface State {
  readonly redisUrl: string;
  readonly origins: readonly { name: string; process: { pid: number }; http: string }[];
}

/** The state once the origins are in it. */
async function readState(home: string): Promise<State | undefined> {
  for (const name of await readdir(home, { recursive: true })) {
    if (!name.endsWith("fleet.json")) continue;
    const state = JSON.parse(await readFile(join(home, name), "utf8")) as State;
    if (state.origins.length > 0) return state;
  }
  return undefined;
}

const hasIPv6 = () =>
  Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));

const isRunning = (pid: number) => identify(pid) !== undefined;

const answers = (url: string) =>
  new Promise<boolean>((resolve) => {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    socket.once("connect", () => resolve((socket.destroy(), true)));
    socket.once("error", () => resolve(false));
  });

const whenSaid = ({ said }: Holdfast, words: RegExp) =>
  waitFor(() => words.test(said.stderr + said.stdout), { within: 20_000, what: String(words) });

test("a fleet prints what to type, and Ctrl-C leaves nothing of it", async (t) => {
  const { home, fleet, state, pids, run } = await startFleet(t);
  await whenSaid(fleet, /Ctrl-C stops everything/);
  const { stdout } = fleet.said;
  for (const { name } of state.origins) assert.match(stdout, new RegExp(`^${name}$`, "m"));
  for (const line of [
    /ffplay .*rtmp:\/\//,
    /HTTP-FLV +http:\/\/.*\/live\/test\.flv/,
    /server rtmp:\/\/.*\/live/,
  ])
    assert.match(stdout, line);
  for (const line of [/redis-cli .*HGETALL/, /redis-cli .*PTTL/, /redis-cli .*XREVRANGE/])
    assert.match(stdout, line);

  // Another terminal needs no address: the only fleet of this machine is found.
  const { origins } = JSON.parse((await run("origins", "ls", "-o", "json")).stdout) as Shown;
  assert.deepEqual(
    origins.map(({ name }) => name),
    ["o1", "o2"],
  );

  fleet.child.kill("SIGINT");
  assert.equal((await fleet.ended).code, 0);
  assert.deepEqual(pids.filter(isRunning), []);
  assert.equal(await answers(state.redisUrl), false);
  assert.deepEqual(await readdir(home), []);
});

for (const [bind, host, why] of [
  ["0.0.0.0", hostname(), "a wildcard leads nobody anywhere"],
  ["::1", "[::1]", "an IPv6 address needs brackets"],
] as const)
  test(`a fleet on ${bind} tells others ${host}: ${why}`, async (t) => {
    if (bind === "::1" && !hasIPv6()) return t.skip("this machine has no IPv6");
    const { fleet, run } = await startFleet(t, "--bind", bind);
    await whenSaid(fleet, /Ctrl-C stops everything/);
    const { origins } = JSON.parse((await run("origins", "ls", "-o", "json")).stdout) as Shown;
    const hosts = origins.flatMap(({ rtmp, http }) => [rtmp, http].map((at) => at.replace(/:\d+$/, "")));
    assert.deepEqual(hosts, [host, host, host, host]);
    assert.ok(fleet.said.stdout.includes(`ffplay -fflags nobuffer rtmp://${origins[0]?.rtmp}/live/test`));
  });

test("fleet --kill ends one origin, which is said and not started again", async (t) => {
  const { fleet, state, run } = await startFleet(t);
  await whenSaid(fleet, /Ctrl-C stops everything/);
  const killed = await run("fleet", "--kill", "o1", "-o", "json");
  assert.equal(killed.code, 0, killed.stderr);
  assert.deepEqual(JSON.parse(killed.stdout), { killed: "o1", pid: state.origins[0]?.process.pid });
  await whenSaid(fleet, /o1 died \(SIGKILL\); it is not started again/);
  const again = await run("fleet", "--kill", "o1");
  assert.equal(again.code, 3);
  assert.match(again.stderr, /o1 is dead already/);
  assert.equal((await fetch(`http://${state.origins[1]?.http}/livez`)).status, 200);
});

test("everything ends with the fleet command, even by SIGKILL", async (t) => {
  const { home, fleet, state, pids } = await startFleet(t);
  await fleet.kill();
  await waitFor(() => !pids.some(isRunning), {
    what: "the end of the origins",
  });
  await waitFor(async () => !(await answers(state.redisUrl)), { what: "the end of Redis" });
  await waitFor(
    async () => !(await readdir(home, { recursive: true })).some((name) => name.includes("fleet-")),
    {
      what: "the removal of its directory",
    },
  );
});

test("a fleet can use a Redis that runs, and leaves it running", async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const { home, fleet, pids } = await startFleet(t, "--redis-url", redis.url, "-o", "json");
  await whenSaid(fleet, /"redisUrl"/);
  const shown = JSON.parse(fleet.said.stdout) as Shown;
  assert.equal(shown.redisUrl, redis.url);
  assert.equal(shown.origins.length, 2);
  fleet.child.kill("SIGTERM");
  assert.equal((await fleet.ended).code, 0);
  assert.deepEqual(pids.filter(isRunning), []);
  assert.equal(await answers(redis.url), true);
  assert.deepEqual(await readdir(home), []);
});

test("Ctrl-C before everything has started leaves nothing either", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "holdfast-fleet-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const fleet = runHoldfast(["fleet", "-n", "1", "--rtmp-port", String(await freePort())], { home });
  t.after(() => fleet.kill());
  await waitFor(
    async () => (await readdir(home, { recursive: true })).some((name) => name.endsWith("o1.log")),
    {
      within: 20_000,
      what: "the first child",
    },
  );
  fleet.child.kill("SIGINT");
  const { code, stderr } = await fleet.ended;
  assert.equal(code, 1);
  assert.match(stderr, /SIGINT while starting/);
  assert.deepEqual(await readdir(home), []);
});

test("an origin that cannot start ends the fleet with the reason", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "holdfast-fleet-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const env = { HOLDFAST_LEASE__TTL: "1s" };
  const args = ["fleet", "-n", "1", "--rtmp-port", String(await freePort())];
  const { code, stderr } = await runHoldfast(args, { home, env }).ended;
  assert.equal(code, 1);
  assert.match(stderr, /o1 did not start \(exit code 1\):[^]*lease\.renewEvery/);
  assert.deepEqual(await readdir(home), []);
});

test("without redis-server the line that installs it is said", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "holdfast-fleet-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  const { code, stderr } = await runHoldfast(["fleet"], { home, env: { PATH: "/nonexistent" } }).ended;
  assert.equal(code, 1);
  assert.match(stderr, /apt-get install -y redis-server/);
  assert.equal(existsSync(home) && (await readdir(home)).length, 0);
});

test("the test picture moves to the next origin when its origin dies", async (t) => {
  const { fleet, run } = await startFleet(t, "--publish-test");
  const owner = async () => {
    const { stdout } = await run("lookup", "live/test", "-o", "json");
    return stdout === "" ? undefined : (JSON.parse(stdout) as { origin: string }).origin;
  };
  await waitFor(async () => (await owner()) === "o1", { within: 30_000, what: "the test picture on o1" });
  assert.equal((await run("fleet", "--kill", "o1")).code, 0);
  await waitFor(async () => (await owner()) === "o2", { within: 30_000, what: "the test picture on o2" });
  assert.match(fleet.said.stderr, /the test picture is published to o2/);
});
