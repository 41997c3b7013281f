import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { HoldfastError } from "../../src/domain/errors.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { ScriptedChannel } from "../support/fake-gates.ts";
import { startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import type { WireClient } from "../support/wire-client.ts";
import { connected, endWith } from "../support/wire-session.ts";

const KEY = parseStreamKey("live/cam");
let rtmp: Awaited<ReturnType<typeof startRtmp>>;
let channel: ScriptedChannel;

before(async () => {
  rtmp = await startRtmp();
});
after(() => rtmp.stop());
beforeEach(() => {
  channel = new ScriptedChannel(KEY);
});

async function pulling(): Promise<WireClient> {
  const client = await connected(rtmp);
  client.tell(1, "play", null, "cam?holdfast-ticket=t%3D1", -2000);
  await client.status("NetStream.Play.Start");
  await waitFor(() => channel.subscribers > 0);
  return client;
}

test("the ticket reaches the gate apart from the query, and no log", async () => {
  rtmp.gates.onPlay = () => ({ kind: "serve", channel, revoked: new AbortController().signal });
  const client = await pulling();
  assert.deepEqual([rtmp.gates.plays.at(-1)?.ticket, rtmp.gates.plays.at(-1)?.query], ["t=1", ""]);
  client.close();
  await endWith(rtmp, "CLIENT_LEFT");
  assert.doesNotMatch(JSON.stringify(rtmp.lines), /ticket|t=1/);
});

test("another origin is cut off without a StreamEOF when this one owns the stream no more", async () => {
  for (const how of ["revoked", "stopped"] as const) {
    const revoked = new AbortController();
    rtmp.gates.onPlay = () => ({ kind: "serve", channel, revoked: revoked.signal });
    const client = await pulling();
    const from = client.arrivals.length;
    if (how === "revoked") revoked.abort(new HoldfastError("NOT_OWNER"));
    else channel.end(new HoldfastError("STOPPING"));
    await client.end();
    assert.equal(client.arrivals.length, from);
    await endWith(rtmp, how === "revoked" ? "NOT_OWNER" : "STOPPING");
    channel = new ScriptedChannel(KEY);
  }
});

test("another origin hears of a true end, and of an owner that was deposed before it was answered", async () => {
  const revoked = new AbortController();
  rtmp.gates.onPlay = () => ({ kind: "serve", channel, revoked: revoked.signal });
  const first = await pulling();
  channel.end(new HoldfastError("STREAM_ENDED"));
  await first.status("NetStream.Play.UnpublishNotify");
  await first.end();
  channel = new ScriptedChannel(KEY);
  revoked.abort(new HoldfastError("NOT_OWNER"));
  const second = await connected(rtmp);
  second.tell(1, "play", null, "cam?holdfast-ticket=t");
  const { info } = await second.status();
  assert.equal(info["code"], "NetStream.Play.StreamNotFound");
  assert.match(String(info["description"]), /does not own/);
  await second.end();
});
