import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { MediaLibrary } from "../support/media-library.ts";
import { redisCli } from "../support/redis-cli.ts";
import { runHoldfast, type HoldfastRun } from "../support/run-holdfast.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";
import { WirePublisher } from "../support/wire-publisher.ts";

const SLOW = ["--wait", "60s"];
const SECRET = /hunter2/;

describe("holdfast ingests and a fleet with a real source", () => {
  const library = new MediaLibrary();
  /** The origin of another fleet: the source. */
  let source: TestFleet;
  let publisher: WirePublisher;
  let fleet: TestFleet;
  let home: string;
  let url: string;

  before(async () => {
    home = await mkdtemp(join(tmpdir(), "holdfast-cli-"));
    source = await startFleet({ origins: 1 });
    const [camera] = source.origins as [TestOrigin];
    const media = await library.get({ video: "h264", audio: "aac", take: 1, bFrames: false });
    publisher = new WirePublisher(camera.at.rtmp, "live/cam", media);
    await source.owned("live/cam", camera);
    url = `rtmp://admin:hunter2@${camera.at.rtmp}/live/cam?token=hunter2`;
    const lease = { ttl: "3s", renewEvery: "500ms" };
    fleet = await startFleet({
      config: {
        lease,
        ingest: { retryMin: "200ms" },
        ingests: [{ stream: "live/fixed", url: "rtmp://:hunter2@127.0.0.1:1/a/b", captureAt: "o1" }],
      },
    });
  });
  after(async () => {
    await publisher?.stop();
    await fleet?.stop();
    await source?.stop();
    await library.close();
    await rm(home, { recursive: true, force: true });
  });

  const run = async (...args: string[]): Promise<HoldfastRun> => {
    const result = await runHoldfast([...args, "--redis-url", fleet.redis.url], { home }).ended;
    assert.doesNotMatch(result.stderr, SECRET);
    return result;
  };
  const ok = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const shown = async (stream: string) => JSON.parse(await ok("ingests", "show", stream, "-o", "json"));

  test("add defines it and waits until it is live", async () => {
    const said = await ok("ingests", "add", "live/cam01", url, "--capture-at", "o1", ...SLOW);
    assert.match(said, /^live\/cam01 is defined and live on o1, after [\d.]+s$/m);
    assert.match(
      await ok("ingests", "add", "live/cam01", url, "--capture-at", "o1"),
      /is defined so already/,
    );
    const [line] = (await ok("ingests", "ls", "--state", "live")).split("\n").slice(1);
    assert.match(
      line ?? "",
      /^live\/cam01 +live +o1 +- +[\d.]+s +api +rtmp:\/\/127[\d.:]+\/live\/cam\?token=\*\*\* +-$/,
    );
  });

  test("nothing shows credentials, unless it is asked to", async () => {
    const outputs = await Promise.all([
      ok("ingests", "ls"),
      ok("ingests", "ls", "-o", "json"),
      ok("ingests", "show", "live/cam01"),
      ok("explain", "live/cam01"),
      ok("explain", "live/cam01", "-o", "json"),
      ok("explain", "live/fixed"),
      ok("events", "-o", "json"),
      ok("streams", "show", "live/cam01"),
      redisCli(fleet.redis.port, undefined, "XRANGE", "{holdfast}:events", "-", "+"),
      redisCli(fleet.redis.port, undefined, "HGETALL", "{holdfast}:stream:live/cam01"),
      redisCli(fleet.redis.port, undefined, "HGETALL", "{holdfast}:plan"),
    ]);
    for (const output of outputs) {
      assert.match(output, /live\/cam01|live\/fixed|publisher/);
      assert.doesNotMatch(output, SECRET);
    }
    assert.match(await ok("ingests", "show", "live/cam01", "--secrets"), /admin:hunter2@/);
  });

  test("explain tells who, why, the lease, the plan and what happened", async () => {
    const said = await ok("explain", "live/cam01");
    for (const words of [
      /^The ingest live\/cam01 is live on o1, under token \d{16}\.$/m,
      /^- Defined by API or command: rtmp:\/\/[\d.:]+\/live\/cam\?token=\*\*\*, captureAt o1\.$/m,
      /^- Its owner is o1, since [\d.]+ s ago: captureAt o1\.$/m,
      /^- Its lease is held by o1 \(epoch \d+, token \d+\): [\d.]+ s are left/m,
      /^- The plan has it at o1: captureAt o1 \(made by o[12], term \d+\)\.$/m,
      /^Next: It stays on o1; if o1 dies, another origin pulls it\.$/m,
      /the ingest live\/cam01 was defined by cli$/m,
      /live\/cam01 is live on o1$/m,
    ])
      assert.match(said, words);
    assert.match(await ok("events", "--stream", "live/cam01"), /o1 begins to pull live\/cam01/);
  });

  test("the API of any origin says the same", async () => {
    const [, other] = fleet.origins as [TestOrigin, TestOrigin];
    const answer = await fetch(`http://${other.at.api}/api/fleet/v1/explain?stream=live/cam01`);
    const { ingest, summary } = (await answer.json()) as { ingest: Record<string, unknown>; summary: string };
    assert.match(summary, /is live on o1/);
    assert.equal(ingest["state"], "live");
    assert.ok(ingest["lease"]);
  });

  test("move waits until it is live there, and says what captureAt will do", async () => {
    const { code, stdout, stderr } = await run("ingests", "move", "live/cam01", "o2", ...SLOW);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^live\/cam01 was moved from o1 to o2 in [\d.]+s$/m);
    assert.match(stderr, /captured at o1, and goes back there after 30 s/);
    assert.match(await ok("ingests", "move", "live/cam01", "o2"), /is live on o2 already/);
    const said = await ok("explain", "live/cam01");
    assert.match(
      said,
      /^- It is not at o1: it moved a moment ago and rests where it is for [\d.]+ s more\.$/m,
    );
    assert.match(said, /^Next: It goes back to o1 when/m);
  });

  test("pause stops it, resume brings it back", async () => {
    assert.match(await ok("ingests", "pause", "live/cam01", ...SLOW), /is paused, and nobody pulls it/);
    assert.equal((await shown("live/cam01")).lease, null);
    const { code, stderr } = await run("lookup", "live/cam01");
    assert.deepEqual([code, /nobody/.test(stderr)], [3, true]);
    assert.match(
      await ok("explain", "live/cam01"),
      /is paused: nobody pulls it\.[^]*holdfast ingests resume live\/cam01/,
    );
    assert.match(await ok("ingests", "resume", "live/cam01", ...SLOW), /is live on o\d again, after/);
    assert.match(await ok("ingests", "resume", "live/cam01"), /is not paused/);
  });

  test("a deadline says why it is not so, with exit code 1", async () => {
    const { code, stdout, stderr } = await run("ingests", "move", "live/fixed", "o2", "--wait", "500ms");
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(
      stderr,
      /live\/fixed is not live on o2 after 500ms\. The ingest live\/fixed .*Next: .*\(TIMED_OUT\)/,
    );
    assert.match(await ok("ingests", "move", "live/fixed", "--undo"), /stays where the plan has it/);
    assert.equal((await shown("live/fixed")).moveTo, "");
  });

  test("explain says what is wrong with a source, where it failed and why it is not at captureAt", async () => {
    const said = await waitFor(
      async () => {
        const text = await ok("explain", "live/fixed");
        return /^- Last error: /m.test(text) && /failed/.test(text) ? text : undefined;
      },
      { within: 60_000, what: "an ingest that fails" },
    );
    assert.match(
      said,
      /^- Defined in the settings files of origins: rtmp:\/\/127\.0\.0\.1:1\/a\/b, captureAt o1\.$/m,
    );
    assert.match(said, /^- (?:It is not at o1: it failed there|It failed on o2)/m);
    assert.doesNotMatch(said, SECRET);
  });

  test("an ingest on demand is defined without waiting", async () => {
    assert.match(
      await ok("ingests", "add", "live/demand", url, "--on-demand"),
      /is defined: it is pulled when somebody plays it/,
    );
    const idle = await ok("explain", "live/demand");
    assert.match(idle, /^The ingest live\/demand is idle: it is pulled on demand, and nobody plays it\.$/m);
    assert.match(
      idle,
      /^Next: The first play, at whatever origin, lets the planner choose one to pull it\.$/m,
    );
    assert.match(await ok("ingests", "move", "live/demand", "o2"), /the next play pulls it on o2/);
    assert.match(await ok("ingests", "rm", "live/demand", ...SLOW), /is removed/);
  });

  test("rm waits until nobody pulls it", async () => {
    assert.match(await ok("ingests", "rm", "live/cam01", ...SLOW), /is removed, and nobody pulls it/);
    const { code, stderr } = await run("ingests", "show", "live/cam01");
    assert.deepEqual([code, /no ingest feeds live\/cam01/.test(stderr)], [3, true]);
    const held = () => (source.origins[0] as TestOrigin).origin.streams().map(({ players }) => players);
    await waitFor(() => held().every((players) => players === 0), { within: 30_000, what: "no pull" });
  });

  test("JSON says the same for programs", async () => {
    const json = async (...args: string[]) => JSON.parse(await ok("ingests", ...args, "-o", "json"));
    const { tookMs, ...added } = await json("add", "live/cam02", url, ...SLOW);
    assert.deepEqual(added, { stream: "live/cam02", result: "created", done: true });
    assert.ok(tookMs > 0);
    const to = (await shown("live/cam02")).owner === "o1" ? "o2" : "o1";
    const { tookMs: _, ...moved } = await json("move", "live/cam02", to, ...SLOW);
    assert.deepEqual(moved, { stream: "live/cam02", wished: "moved", origin: to, done: true });
    const { ingests } = await json("ls", "--origin", to);
    assert.ok(ingests.some((one: { stream: string }) => one.stream === "live/cam02"));
    assert.deepEqual(await json("rm", "live/cam02", "--wait", "0s"), {
      stream: "live/cam02",
      wished: "removed",
      done: false,
      tookMs: 0,
    });
  });
});

describe("holdfast ingests without any origin", () => {
  let redis: TestRedis;
  let home: string;
  before(async () => {
    redis = await startRedis();
    home = await mkdtemp(join(tmpdir(), "holdfast-cli-"));
  });
  after(async () => {
    await redis?.stop();
    await rm(home, { recursive: true, force: true });
  });
  const run = (...args: string[]) => runHoldfast([...args, "--redis-url", redis.url], { home }).ended;

  test("definitions are kept for the origins to come", async () => {
    const added = await run(
      "ingests",
      "add",
      "live/x",
      "rtsp://cam/1",
      "--capture-at",
      "s01",
      "--fallback",
      "exec:y",
    );
    assert.equal(added.code, 0, added.stderr);
    assert.match(added.stdout, /live\/x is defined; see: holdfast explain live\/x/);
    assert.match(added.stderr, /no origin is alive/);
    assert.match(added.stderr, /ingest\.allowExec/);
    const explained = await run("explain", "live/x");
    assert.match(explained.stdout, /is not pulled yet: nobody has pulled it yet/);
    assert.match(explained.stdout, /- There is no plan/);
    assert.match(explained.stdout, /- It is not at s01: no origin of this name is alive\./);
    assert.match(explained.stdout, /Next: It is pulled as soon as an origin is alive\./);
  });

  const codes: readonly (readonly [string, readonly string[], number, RegExp])[] = [
    ["an unknown scheme", ["add", "live/y", "srt://:hunter2@host"], 2, /url: is not valid: expected rtmp/],
    ["a key that is none", ["add", "cam", "rtsp://cam"], 2, /app\/stream is expected/],
    [
      "a fallback that is none",
      ["add", "live/y", "rtsp://a", "--fallback", "hunter2"],
      2,
      /fallback\.0: is not valid/,
    ],
    ["a weight that is none", ["add", "live/y", "rtsp://a", "--weight", "0"], 2, /above 0/],
    ["a wait that is none", ["rm", "live/y", "--wait", "soon"], 2, /duration/],
    ["a move to nowhere", ["move", "live/x"], 2, /give an origin to move to, or --undo/],
    ["a move that is undone to somewhere", ["move", "live/x", "o1", "--undo"], 2, /or --undo/],
    ["a move to an origin that is not alive", ["move", "live/none", "o9"], 3, /no ingest feeds live\/none/],
    ["an unknown ingest to show", ["show", "live/none"], 3, /no ingest feeds/],
    ["an unknown ingest to remove", ["rm", "live/none"], 3, /no ingest feeds/],
    ["an unknown ingest to pause", ["pause", "live/none"], 3, /no ingest feeds/],
  ];
  for (const [what, args, code, words] of codes) {
    test(`${what}: exit code ${code}`, async () => {
      const result = await run("ingests", ...args);
      assert.equal(result.code, code, result.stderr);
      assert.match(result.stderr, words);
      assert.doesNotMatch(result.stderr, SECRET);
      assert.equal(result.stdout, "");
    });
  }
});

test("leases on lock nodes are seen by who knows the nodes", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "holdfast-cli-"));
  t.after(() => rm(home, { recursive: true, force: true }));
  // Takes connections and never answers: the pull goes on for as long as the test.
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    silent.close();
    for (const socket of sockets) socket.destroy();
  });
  const { port } = silent.address() as AddressInfo;
  const nodes = await Promise.all([startRedis(), startRedis(), startRedis()]);
  const fleet = await startFleet({
    origins: 1,
    config: {
      redis: { lockNodes: nodes.map(({ url }) => url) },
      ingest: { connectTimeout: "1m" },
      ingests: [{ stream: "live/slow", url: `rtmp://:hunter2@127.0.0.1:${port}/a/b` }],
    },
  });
  t.after(async () => {
    await fleet.stop();
    await Promise.all(nodes.map((node) => node.stop()));
  });
  const file = join(home, "holdfast.yml");
  const redis = { url: fleet.redis.url, lockNodes: nodes.map(({ url }) => url) };
  await writeFile(file, JSON.stringify({ redis }));
  const show = async (...args: string[]) => {
    const { code, stdout, stderr } = await runHoldfast([...args], { home }).ended;
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const lease = await waitFor(
    async () =>
      JSON.parse(await show("ingests", "show", "live/slow", "-o", "json", "--config", file)).lease ??
      undefined,
    { within: 60_000, what: "the lease" },
  );
  assert.equal(lease.origin, "o1");
  assert.match(await show("explain", "live/slow", "--config", file), /^- Its lease is held by o1/m);
  const blind = await show("ingests", "show", "live/slow", "-o", "json", "--redis-url", fleet.redis.url);
  assert.equal(JSON.parse(blind).lease, null);
});
