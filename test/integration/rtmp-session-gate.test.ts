import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { HoldfastError } from "../../src/domain/errors.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import type { PlayAnswer, Publication } from "../../src/fleet/gates.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { ScriptedChannel, ScriptedPublication } from "../support/fake-gates.ts";
import { startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import {
  answerPings,
  audio,
  connected,
  endWith,
  media,
  pingsOf,
  settled,
  withResolvers,
} from "../support/wire-session.ts";

const STARTED = "NetStream.Publish.Start";
const KEY = parseStreamKey("live/cam");
let rtmp: Awaited<ReturnType<typeof startRtmp>>;

before(async () => {
  rtmp = await startRtmp({ limits: { messageBeforePublish: "4KB", playerTimeout: "1s" } });
});
after(() => rtmp.stop());
beforeEach(() => {
  rtmp.gates.publishes.length = 0;
  rtmp.gates.plays.length = 0;
});

test("while the gate thinks, media is dropped, a second publish is ignored, and calls are answered", async () => {
  const { promise, resolve } = withResolvers<Publication>();
  rtmp.gates.onPublish = () => promise;
  const client = await connected(rtmp);
  client.tell(1, "publish", null, "cam", "live");
  client.tell(1, "publish", null, "other", "live");
  client.send(audio("early"));
  await settled(client);
  assert.equal(rtmp.gates.publishes.length, 1);
  const publication = new ScriptedPublication(KEY);
  resolve(publication);
  await client.status(STARTED);
  client.send(audio("now"));
  await settled(client);
  assert.deepEqual(
    publication.packets.map(({ payload }) => String(payload)),
    ["now"],
  );
  client.close();
});

test("before the gate has accepted, a long message ends the connection", async () => {
  rtmp.gates.onPublish = () => new Promise(() => undefined);
  const client = await connected(rtmp);
  client.tell(1, "publish", null, "cam", "live");
  client.send(media(MESSAGE.video, Buffer.alloc(5_000)));
  await client.end();
  assert.match(String((await endWith(rtmp, "LIMIT_EXCEEDED"))["reason"]), /too long/);
});

for (const how of ["disconnected", "unpublished"] as const)
  test(`a publisher that has ${how} during the gate is not left behind`, async () => {
    const { promise, resolve } = withResolvers<Publication>();
    rtmp.gates.onPublish = () => promise;
    const client = await connected(rtmp);
    client.tell(1, "publish", null, "cam", "live");
    const request = await waitFor(() => rtmp.gates.publishes[0]);
    assert.equal(request.left.aborted, false);
    if (how === "disconnected") client.close();
    else client.tell(0, "deleteStream", null, 1);
    await waitFor(() => request.left.aborted, { what: "the left signal" });
    assert.equal((request.left.reason as HoldfastError).code, "CLIENT_LEFT");
    const publication = new ScriptedPublication(KEY);
    resolve(publication);
    await waitFor(() => publication.ends.length === 1);
    assert.deepEqual(publication.ends, [how]);
    client.close();
  });

for (const [what, lose, code] of [
  ["revoked", (one: ScriptedPublication) => one.revoke(new HoldfastError("KICKED")), "KICKED"],
  ["replaced", (one: ScriptedPublication) => one.replace(), "STREAM_TAKEN_OVER"],
] as const)
  test(`a publisher that was ${what} before the gate's answer arrived is not told to start`, async () => {
    const publication = new ScriptedPublication(KEY);
    lose(publication);
    rtmp.gates.onPublish = () => publication;
    const client = await connected(rtmp);
    client.tell(1, "publish", null, "cam", "live");
    const { info } = await client.status();
    assert.equal(info["level"], "error");
    await client.end();
    await endWith(rtmp, code);
    assert.deepEqual(publication.ends, ["disconnected"]);
  });

test("a gate that fails in an unknown way refuses the client, and is no crash", async () => {
  rtmp.gates.onPublish = () => {
    throw new TypeError("boom");
  };
  const client = await connected(rtmp);
  client.tell(1, "publish", null, "cam", "live");
  const { info } = await client.status();
  assert.equal(info["level"], "error");
  assert.doesNotMatch(String(info["description"]), /boom/);
  await client.end();
  assert.ok(rtmp.lines.some(({ msg, err }) => msg === "session failed" && /boom/.test(JSON.stringify(err))));
});

test("a player that leaves during the gate is not subscribed afterwards", async () => {
  const { promise, resolve } = withResolvers<PlayAnswer>();
  rtmp.gates.onPlay = () => promise;
  const client = await connected(rtmp);
  client.tell(1, "play", null, "cam");
  client.tell(1, "play", null, "other");
  const request = await waitFor(() => rtmp.gates.plays[0]);
  client.close();
  await waitFor(() => request.left.aborted, { what: "the left signal" });
  const channel = new ScriptedChannel(KEY);
  resolve({ kind: "serve", channel });
  await waitFor(() => rtmp.server.sessionCount === 0);
  assert.equal(channel.subscribers, 0);
  assert.equal(rtmp.gates.plays.length, 1);
});

test("a player that answers pings may wait for its stream longer than the player's time-out", async () => {
  const { promise, resolve } = withResolvers<PlayAnswer>();
  rtmp.gates.onPlay = () => promise;
  const client = await connected(rtmp);
  const stop = answerPings(client);
  client.tell(1, "play", null, "cam");
  await waitFor(() => pingsOf(client).length >= 7, { what: "seven pings, each after a quarter of the time" });
  assert.equal(client.ended, undefined);
  resolve({ kind: "serve", channel: new ScriptedChannel(KEY) });
  await client.status("NetStream.Play.Start");
  stop();
  client.close();
});

test("a player that answers no ping while it waits is dropped", async () => {
  rtmp.gates.onPlay = () => new Promise(() => undefined);
  const client = await connected(rtmp);
  client.tell(1, "play", null, "cam");
  await client.end();
  await endWith(rtmp, "TIMED_OUT");
});
