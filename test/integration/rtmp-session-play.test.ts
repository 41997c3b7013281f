import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { HoldfastError } from "../../src/domain/errors.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import { writeMessage } from "../../src/media/rtmp/chunk-writer.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { ScriptedChannel, ScriptedPublication } from "../support/fake-gates.ts";
import { startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { audio, connected, endWith, media, settled } from "../support/wire-session.ts";

const KEY = parseStreamKey("live/cam");
let rtmp: Awaited<ReturnType<typeof startRtmp>>;
let channel: ScriptedChannel;

before(async () => {
  rtmp = await startRtmp();
});
after(() => rtmp.stop());
beforeEach(() => {
  channel = new ScriptedChannel(KEY);
  rtmp.gates.onPlay = () => ({ kind: "serve", channel });
  rtmp.gates.plays.length = 0;
});

async function playing(): Promise<WireClient> {
  const client = await connected(rtmp);
  client.tell(1, "play", null, "cam", -2000);
  await client.status("NetStream.Play.Start");
  await waitFor(() => channel.subscribers > 0);
  return client;
}

/** What a client got after the connect answer: message type, stream and payload. */
const after_ = (client: WireClient, from: number) =>
  client.arrivals.slice(from).map(({ message }) => [message.type, message.streamId, message.payload]);
const onStatus = (level: string, code: string, description: string) =>
  encodeAmf0("onStatus", 0, null, { level, code, description });
const batch = (text: string) =>
  writeMessage({ ...audio(text), chunkStreamId: 4 }, rtmp.config.rtmp.chunkSize);
const payloads = (client: WireClient) =>
  client.arrivals
    .filter(({ message }) => message.type === MESSAGE.audio)
    .map(({ message }) => String(message.payload));

test("an accepted player gets begin, reset, start and sample access, then what the channel writes", async () => {
  const client = await connected(rtmp);
  const from = client.arrivals.length;
  client.tell(1, "play", null, "cam?user=x", -2000);
  await waitFor(() => channel.subscribers === 1);
  channel.write(batch("a".repeat(100_000)));
  await waitFor(() => payloads(client).length === 1);
  assert.deepEqual(after_(client, from), [
    [MESSAGE.userControl, 0, Buffer.from("000000000001", "hex")],
    [MESSAGE.command, 1, onStatus("status", "NetStream.Play.Reset", "playing and resetting live/cam")],
    [MESSAGE.command, 1, onStatus("status", "NetStream.Play.Start", "started playing live/cam")],
    [MESSAGE.data, 1, encodeAmf0("|RtmpSampleAccess", true, true)],
    [MESSAGE.audio, 1, Buffer.alloc(100_000, "a")],
  ]);
  const [request] = rtmp.gates.plays;
  assert.equal(request?.key, KEY);
  assert.equal(request?.query, "user=x");
  assert.equal(request?.redirected, false);
  assert.equal("ticket" in (request ?? {}), false);
  client.close();
  await waitFor(() => channel.subscribers === 0);
});

test("a player of a stream that nobody publishes is told at once, on its play's stream, and closed", async () => {
  rtmp.gates.onPlay = () => {
    throw new HoldfastError("STREAM_NOT_FOUND");
  };
  for (const streamId of [1, 5]) {
    const client = await connected(rtmp);
    const from = client.arrivals.length;
    const asked = performance.now();
    client.tell(streamId, "play", null, "cam", -2000);
    const { at } = await client.status();
    const end = await client.end();
    assert.ok(at - asked < 500 && end.at - at < 1_000, `${at - asked} ms, closed ${end.at - at} ms later`);
    assert.deepEqual(after_(client, from), [
      [
        MESSAGE.command,
        streamId,
        encodeAmf0("onStatus", 0, null, {
          level: "error",
          code: "NetStream.Play.StreamNotFound",
          description: "nobody publishes this stream",
          details: "STREAM_NOT_FOUND",
        }),
      ],
    ]);
  }
});

test("a play on the connection's own stream 0 is answered on stream 1", async () => {
  rtmp.gates.onPlay = () => {
    throw new HoldfastError("PLAY_UNAUTHORISED");
  };
  const client = await connected(rtmp);
  client.tell(0, "play", null, "cam");
  const { message, info } = await client.status();
  assert.equal(message.streamId, 1);
  assert.equal(info["code"], "NetStream.Play.Failed");
  await client.end();
});

test("a channel that ended while the gate was asked is a refusal", async () => {
  channel.ended = true;
  const client = await connected(rtmp);
  client.tell(1, "play", null, "cam");
  assert.equal((await client.status()).info["code"], "NetStream.Play.StreamNotFound");
  await client.end();
});

test("an SRS edge is recognised, and a redirect has the form it follows, without the ticket", async () => {
  rtmp.gates.onPlay = () => ({ kind: "redirect", address: "10.0.0.9:1936", owner: "o2" });
  for (const [object, more] of [
    [{}, { srs_sig: "SRS", srs_version: "7.0.18" }],
    [{ srs_server: "SRS" }, undefined],
  ] as const) {
    const client = await WireClient.open(rtmp.address);
    await client.connectTo("live", object, ...(more ? [more] : []));
    const from = client.arrivals.length;
    client.tell(1, "play", null, "cam?token=a/b&holdfast-ticket=t");
    const { at } = await client.status();
    const end = await client.end();
    assert.ok(end.at - at < 1_000);
    assert.equal(rtmp.gates.plays.at(-1)?.client.srs, true);
    assert.equal(rtmp.gates.plays.at(-1)?.ticket, "t");
    assert.deepEqual(after_(client, from), [
      [
        MESSAGE.command,
        1,
        encodeAmf0("onStatus", 0, null, {
          level: "error",
          code: "NetStream.Play.StreamNotFound",
          description: "RTMP 302 Redirect",
          ex: {
            code: 302,
            redirect: "rtmp://10.0.0.9:1936/live",
            redirect2: "rtmp://10.0.0.9:1936/live/cam?token=a/b",
          },
        }),
      ],
    ]);
  }
  assert.match(String((await endWith(rtmp, "NOT_OWNER"))["reason"]), /redirected to o2/);
});

test("a true end is StreamEOF, UnpublishNotify, a pause, FIN", async () => {
  const client = await playing();
  const from = client.arrivals.length;
  channel.end(new HoldfastError("STREAM_ENDED"));
  const { at } = await client.status("NetStream.Play.UnpublishNotify");
  const end = await client.end();
  assert.equal(end.how, "fin");
  assert.ok(end.at - at > 200 && end.at - at < 1_500, `${end.at - at} ms`);
  assert.deepEqual(after_(client, from), [
    [MESSAGE.userControl, 0, Buffer.from("000100000001", "hex")],
    [
      MESSAGE.command,
      1,
      onStatus("status", "NetStream.Play.UnpublishNotify", "live/cam is no longer published"),
    ],
  ]);
});

test("a player that reads too slowly is closed without more words", async () => {
  const client = await playing();
  const from = client.arrivals.length;
  channel.end(new HoldfastError("SLOW_READER"));
  await client.end();
  assert.deepEqual(after_(client, from), []);
  assert.equal((await endWith(rtmp, "SLOW_READER"))["stream"], "live/cam");
});

test("a player that reads nothing is reset, and the kernel keeps nothing for it", async () => {
  const client = await playing();
  const ended = rtmp.ends().length;
  client.pause();
  for (let sent = 0; sent < 48; sent++) channel.write(batch("a".repeat(1_048_576)));
  channel.end(new HoldfastError("SLOW_READER"));
  await waitFor(() => rtmp.ends().length > ended);
  client.resume();
  await client.end();
  // After a FIN some megabytes would arrive now that stood before it.
  assert.deepEqual(payloads(client), []);
});

test("a player may pause; its channel sees it", async () => {
  const client = await playing();
  const [subscriber] = channel.players;
  assert.equal(subscriber?.paused, false);
  client.tell(1, "pause", null, true, 0);
  assert.equal((await client.status("NetStream.Pause.Notify")).info["level"], "status");
  assert.equal(subscriber?.paused, true);
  client.tell(1, "pause", null, false, 0);
  await client.status("NetStream.Unpause.Notify");
  assert.equal(subscriber?.paused, false);
  client.close();
});

test("seeking and receiving are answered so that no client waits", async () => {
  const client = await playing();
  client.tell(1, "seek", null, 5_000);
  assert.equal((await client.status("NetStream.Seek.Notify")).info["level"], "status");
  client.tell(1, "receiveVideo", null, false);
  client.tell(1, "receiveAudio", null, true);
  await settled(client);
  assert.equal(channel.subscribers, 1);
  client.close();
});

test("a player that sends media is dropped, and nothing of it passes", async () => {
  const client = await playing();
  client.send(media(MESSAGE.video, Buffer.from("injected")));
  await client.end();
  const line = await endWith(rtmp, "PROTOCOL_VIOLATION");
  assert.deepEqual([line["role"], line["stream"], line["dropped"]], ["player", "live/cam", 1]);
  assert.equal(channel.subscribers, 0);
});

test("a player may switch, publish after a play, and play after a publish", async () => {
  const other = new ScriptedChannel(parseStreamKey("live/other"));
  const publication = new ScriptedPublication(parseStreamKey("live/mine"));
  rtmp.gates.onPublish = () => publication;
  const client = await playing();
  rtmp.gates.onPlay = () => ({ kind: "serve", channel: other });
  client.tell(1, "play2", null, { streamName: "other", transition: "switch" });
  await waitFor(() => other.subscribers === 1);
  assert.equal(channel.subscribers, 0);
  client.tell(1, "publish", null, "mine", "live");
  await client.status("NetStream.Publish.Start");
  assert.equal(other.subscribers, 0);
  client.send(audio("mine"));
  await settled(client);
  assert.equal(publication.packets.length, 1);
  client.tell(1, "play", null, "other");
  await waitFor(() => other.subscribers === 1);
  assert.deepEqual(publication.ends, ["unpublished"]);
  client.tell(1, "closeStream");
  await waitFor(() => other.subscribers === 0);
  assert.equal(client.ended, undefined);
  client.close();
});
