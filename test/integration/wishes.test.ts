import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { redisCli } from "../support/redis-cli.ts";
import { runHoldfast } from "../support/run-holdfast.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";

let fleet: TestFleet;
let [one, two]: TestOrigin[] = [];
let home: string;
const clients: WireClient[] = [];

before(async () => {
  fleet = await startFleet({ config: { drain: { settle: "0s", encoderGrace: "10s", deadline: "60s" } } });
  [one, two] = fleet.origins as [TestOrigin, TestOrigin];
  home = await mkdtemp(join(tmpdir(), "holdfast-wishes-"));
});
after(async () => {
  for (const client of clients) client.close();
  await fleet?.stop();
  if (home) await rm(home, { recursive: true, force: true });
});

const run = (...args: string[]) => runHoldfast([...args, "--redis-url", fleet.redis.url], { home }).ended;
const post = async (path: string, at = two) => {
  const answer = await fetch(`http://${at?.at.api}/api/fleet/v1/${path}`, { method: "POST" });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};
const ready = async () => (await fetch(`http://${one?.at.http}/readyz`)).status === 200;

async function encoder(name: string): Promise<WireClient> {
  const client = await WireClient.open(one?.at.rtmp ?? "");
  clients.push(client);
  await client.connectTo("live");
  await client.call("createStream", null);
  client.tell(1, "publish", null, name, "live");
  await client.status("NetStream.Publish.Start");
  return client;
}

test("origins drain and undrain work from the command line", async () => {
  const held = await encoder("stays");
  const drained = await run("origins", "drain", "o1", "-o", "json");
  assert.equal(drained.code, 0, drained.stderr);
  const { origin, state, wished } = JSON.parse(drained.stdout) as Record<string, unknown>;
  assert.deepEqual([origin, state, wished], ["o1", "up", "draining"]);
  await waitFor(async () => !(await ready()), { what: "the origin draining" });
  await waitFor(async () => /o1 is draining already/.test((await run("origins", "drain", "o1")).stdout), {
    within: 30_000,
    what: "the state in the record",
  });
  const undone = await run("origins", "undrain", "o1");
  assert.equal(undone.code, 0, undone.stderr);
  assert.match(undone.stdout, /o1 is asked to take new streams again/);
  await waitFor(ready, { what: "the origin being up again" });
  assert.equal(held.ended, undefined);
  const events = await run("events");
  assert.match(events.stdout, /cli asked o1 to drain/);
});

test("streams kick disconnects the encoder with a reset and the reason", async () => {
  const kicked = await encoder("kicked");
  const { code, stdout, stderr } = await run("streams", "kick", "live/kicked");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^o1 is asked to disconnect the encoder of live\/kicked \(token \d+\)$/m);
  assert.equal((await kicked.end()).how, "reset");
  const { info } = await kicked.status("NetStream.Publish.Denied");
  assert.equal(info["details"], "KICKED");
  await waitFor(async () => (await fleet.ownerOf("live/kicked")) === undefined, { what: "the release" });
  const [key = ""] = (await redisCli(fleet.redis.port, undefined, "KEYS", "{holdfast}:kicks:*")).split("\n");
  const left = Number(await redisCli(fleet.redis.port, undefined, "PTTL", key.trim()));
  assert.ok(left > 0 && left <= 30_000, `${key} lives for ${left} ms`);
});

test("who asks for something that is not there is told so", async () => {
  for (const args of [
    ["origins", "drain", "nobody"],
    ["origins", "undrain", "nobody"],
    ["streams", "kick", "live/nothing"],
  ]) {
    const { code, stderr } = await run(...args);
    assert.equal(code, 3, stderr);
  }
});

test("the API of any origin takes the same wishes", async () => {
  const kicked = await encoder("over-http");
  const kick = await post("kick?stream=live/over-http");
  assert.deepEqual([kick.status, kick.body["origin"]], [202, "o1"]);
  assert.equal((await kicked.end()).how, "reset");
  assert.equal((await post("origins/o1/drain")).status, 202);
  await waitFor(async () => !(await ready()), { what: "the origin draining" });
  assert.equal((await post("origins/o1/undrain")).status, 202);
  await waitFor(ready, { what: "the origin being up again" });
  assert.equal((await post("origins/nobody/drain")).body["code"], "ORIGIN_NOT_FOUND");
});
