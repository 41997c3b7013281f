import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { ScriptedChannel, ScriptedPublication } from "../support/fake-gates.ts";
import { startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { connected } from "../support/wire-session.ts";

const KEY = parseStreamKey("live/cam");

test("stopping resets publishers, tells players the end, answers who waits, and frees the port", async () => {
  const rtmp = await startRtmp();
  const publication = new ScriptedPublication(KEY);
  rtmp.gates.onPublish = () => publication;
  rtmp.gates.onPlay = ({ key }) =>
    key === KEY ? { kind: "serve", channel: new ScriptedChannel(KEY) } : new Promise(() => undefined);
  const publisher = await connected(rtmp);
  publisher.tell(1, "publish", null, "cam", "live");
  await publisher.status("NetStream.Publish.Start");
  const player = await connected(rtmp);
  player.tell(1, "play", null, "cam");
  await player.status("NetStream.Play.Start");
  const waiting = await connected(rtmp);
  waiting.tell(1, "play", null, "later");
  await waitFor(() => rtmp.gates.plays.length === 2);
  const idle = await connected(rtmp);

  await rtmp.stop();
  assert.equal((await publisher.end()).how, "reset");
  assert.equal((await publisher.status("NetStream.Publish.Denied")).info["level"], "error");
  assert.deepEqual(publication.ends, ["disconnected"]);
  assert.equal((await player.end()).how, "fin");
  await player.status("NetStream.Play.UnpublishNotify");
  assert.equal((await waiting.status()).info["code"], "NetStream.Play.Failed");
  await waiting.end();
  assert.equal((rtmp.gates.plays[1]?.left.reason as Error).name, "HoldfastError");
  await idle.end();
  assert.equal(rtmp.server.sessionCount, 0);
  assert.deepEqual([...new Set(rtmp.ends().map(({ code }) => code))], ["STOPPING"]);
  await assert.rejects(WireClient.open(rtmp.address));
});

test("whoever does not go is cut when the grace is over", async () => {
  const rtmp = await startRtmp();
  rtmp.gates.onPlay = () => ({ kind: "serve", channel: new ScriptedChannel(KEY) });
  const player = await connected(rtmp);
  player.tell(1, "play", null, "cam");
  await player.status("NetStream.Play.Start");
  const began = performance.now();
  await rtmp.server.stop(50);
  assert.ok(performance.now() - began < 2_000);
  await player.end();
});

test("a connection that says nothing leaves no line above debug", async () => {
  const rtmp = await startRtmp();
  const [host, port] = rtmp.address.split(":");
  const socket = connect({ host: host as string, port: Number(port) });
  await waitFor(() => rtmp.server.sessionCount === 1);
  socket.end();
  await waitFor(() => rtmp.server.sessionCount === 0);
  assert.deepEqual(
    rtmp.lines.map(({ level, msg }) => [level, msg]),
    [[20, "session ended"]],
  );
  await rtmp.stop();
});

test("two servers in one process know nothing of each other", async () => {
  const [one, two] = await Promise.all([startRtmp(), startRtmp()]);
  const client = await connected(one);
  assert.equal(one.server.sessionCount, 1);
  assert.equal(two.server.sessionCount, 0);
  await two.stop();
  await client.call("settled?");
  await one.stop();
});
