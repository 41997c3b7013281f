import assert from "node:assert/strict";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { configSchema } from "../../src/config/schema.ts";
import { HoldfastError } from "../../src/domain/errors.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { MESSAGE, type RtmpMessage } from "../../src/media/rtmp/message.ts";
import { createRtmpServer } from "../../src/media/rtmp/server.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { FakeGates, ScriptedChannel, ScriptedPublication } from "../support/fake-gates.ts";
import { memoryLog, startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import {
  answerPings,
  audio,
  connected,
  endWith,
  media,
  PING_REQUEST,
  PING_RESPONSE,
  pingsOf,
  settled,
  userControl,
} from "../support/wire-session.ts";

const KEY = parseStreamKey("live/cam");
let rtmp: Awaited<ReturnType<typeof startRtmp>>;

before(async () => {
  rtmp = await startRtmp({
    rtmp: { windowAckSize: "64KB" },
    limits: {
      handshakeTimeout: "300ms",
      connectTimeout: "600ms",
      commandTimeout: "400ms",
      publisherTimeout: "1s",
      playerTimeout: "1s",
      commandsPerSecond: 30,
      amfDepth: 4,
    },
  });
});
after(() => rtmp.stop());
beforeEach(() => {
  rtmp.gates.onPublish = ({ key }) => new ScriptedPublication(key);
  rtmp.gates.onPlay = () => ({ kind: "serve", channel: new ScriptedChannel(KEY) });
});

async function raw(address = rtmp.address): Promise<{ socket: Socket; ended: () => boolean }> {
  const [host, port] = address.split(":");
  const socket = connect({ host: host as string, port: Number(port) });
  let ended = false;
  socket.on("error", () => undefined).on("close", () => (ended = true));
  socket.resume();
  await waitFor(() => ended || socket.readyState === "open");
  return { socket, ended: () => ended };
}

const lateFor = (what: string) =>
  waitFor(
    () => rtmp.ends().find(({ code, reason }) => code === "TIMED_OUT" && String(reason).includes(what)),
    {
      what: `a time-out for ${what}`,
    },
  );

test("whoever does not shake hands, connect, or say what it wants, in time, is closed", async () => {
  const silent = await raw();
  const handshaken = await WireClient.open(rtmp.address);
  const idle = await connected(rtmp);
  await waitFor(() => silent.ended());
  await handshaken.end();
  await idle.end();
  await lateFor("handshake");
  await lateFor("connect command");
  await lateFor("publish or play");
});

test("a handshake that stops half way is closed as well", async () => {
  const { socket, ended } = await raw();
  socket.write(Buffer.concat([Buffer.from([3]), Buffer.alloc(1_000)]));
  await waitFor(ended, { within: 2_000 });
});

test("a publisher without media is closed; one that sends is not", async () => {
  const busy = await connected(rtmp);
  busy.tell(1, "publish", null, "busy", "live");
  await busy.status("NetStream.Publish.Start");
  const feed = setInterval(() => busy.send(audio("x")), 50);
  const silent = await connected(rtmp);
  const stop = answerPings(silent);
  silent.tell(1, "publish", null, "cam", "live");
  await silent.status("NetStream.Publish.Start");
  assert.equal((await silent.end()).how, "reset");
  stop();
  assert.equal((await lateFor("no media"))["stream"], "live/cam");
  assert.equal(busy.ended, undefined);
  clearInterval(feed);
  busy.close();
});

test("a player on hold is kept while it answers pings, and dropped when it does not", async () => {
  const good = await connected(rtmp);
  const stop = answerPings(good);
  good.tell(1, "play", null, "cam");
  const bad = await connected(rtmp);
  bad.tell(1, "play", null, "cam");
  await bad.end();
  await lateFor("no ping");
  await waitFor(() => pingsOf(good).length >= 7);
  assert.equal(good.ended, undefined);
  stop();
  good.close();
});

test("pings of the client are answered, and its window of acknowledgements is kept", async () => {
  const client = await connected(rtmp);
  client.send(userControl(PING_REQUEST, 0x1234_5678));
  client.tell(1, "publish", null, "cam", "live");
  await client.status("NetStream.Publish.Start");
  const response = userControl(PING_RESPONSE, 0x1234_5678).payload;
  await waitFor(() => client.arrivals.some(({ message }) => message.payload.equals(response)));
  const acknowledged = () =>
    client.arrivals
      .filter(({ message }) => message.type === MESSAGE.acknowledgement)
      .map(({ message }) => message.payload.readUInt32BE());
  for (let sent = 0; sent < 10; sent++) client.send(media(MESSAGE.video, Buffer.alloc(20_000)));
  await waitFor(() => (acknowledged().at(-1) ?? 0) > 150_000);
  const seen = acknowledged();
  assert.deepEqual(
    seen,
    seen.toSorted((a, b) => a - b),
  );
  assert.ok(seen.length <= 4, `${seen.length} for 200 KB by a window of 64 KB`);
  client.close();
});

test("too many commands, and too many pings, end the connection", async () => {
  for (const flood of [
    (client: WireClient) => client.tell(0, "anything", null),
    (client: WireClient) => client.send(userControl(PING_REQUEST, 1)),
  ]) {
    const client = await connected(rtmp);
    for (let count = 0; count < 40; count++) flood(client);
    await client.end();
    assert.match(String((await endWith(rtmp, "LIMIT_EXCEEDED"))["reason"]), /too many commands/);
  }
});

test("a publisher that sends too many messages is cut off, parts of aggregates counted", async () => {
  const limited = await startRtmp({ limits: { messagesPerSecond: 500 } });
  limited.gates.onPublish = ({ key }) => new ScriptedPublication(key);
  const parts = Buffer.concat(
    Array.from({ length: 400 }, () => Buffer.from("0800000100000000000000610000000c", "hex")),
  );
  for (const messages of [
    Array.from({ length: 800 }, () => audio("x")),
    [media(MESSAGE.aggregate, parts), media(MESSAGE.aggregate, parts)],
  ]) {
    const client = await connected(limited);
    client.tell(1, "publish", null, "cam", "live");
    await client.status("NetStream.Publish.Start");
    for (const message of messages) client.send(message);
    assert.equal((await client.end()).how, "reset");
    assert.match(String((await endWith(limited, "LIMIT_EXCEEDED"))["reason"]), /too many messages/);
  }
  assert.equal(limited.ends().length, 2);
  await limited.stop();
});

const BAD: readonly (readonly [what: string, message: RtmpMessage])[] = [
  ["a command that is no AMF", { ...media(MESSAGE.command, Buffer.from("ff00ff", "hex")), chunkStreamId: 3 }],
  ["an empty command", { ...media(MESSAGE.command, Buffer.alloc(0)), chunkStreamId: 3 }],
  [
    "values nested too deeply",
    media(MESSAGE.command, Buffer.from(`0200017800${"00".repeat(8)}${"0300016b".repeat(9)}05`, "hex")),
  ],
  ["a user control message cut short", { ...userControl(6, 0), payload: Buffer.from([0]) }],
  ["a chunk size of nothing", { ...userControl(0, 0), type: MESSAGE.setChunkSize, payload: Buffer.alloc(4) }],
  ["media without a publish", audio("x")],
];

for (const [what, message] of BAD)
  test(`${what} ends its connection, with one line, and no other`, async () => {
    const bystander = await connected(rtmp);
    const before = rtmp.ends().length;
    const client = await connected(rtmp);
    client.send(message);
    await client.end();
    await waitFor(() => rtmp.ends().length > before);
    await settled(bystander);
    const lines = rtmp.ends().slice(before);
    assert.equal(lines.length, 1);
    assert.match(String(lines[0]?.["code"]), /PROTOCOL_VIOLATION|LIMIT_EXCEEDED/);
    assert.equal(rtmp.lines.filter(({ msg }) => msg === "session failed").length, 0);
    bystander.close();
  });

test("a command before connect, and HTTP on the RTMP port, end the connection", async () => {
  const early = await WireClient.open(rtmp.address);
  early.tell(0, "createStream", null);
  await early.end();
  assert.match(String((await endWith(rtmp, "PROTOCOL_VIOLATION"))["reason"]), /connect must come first/);
  const { socket, ended } = await raw();
  socket.write("GET / HTTP/1.1\r\n\r\n");
  await waitFor(ended);
});

test("connections beyond the limits are reset, with one line for many", async () => {
  const limited = await startRtmp({ limits: { connections: 3, connectsPerSecond: 1_000 } });
  const clients = await Promise.all([1, 2, 3].map(() => WireClient.open(limited.address)));
  const refused = await Promise.all([1, 2, 3, 4, 5].map(() => raw(limited.address)));
  await waitFor(() => refused.every(({ ended }) => ended()));
  assert.equal(limited.server.sessionCount, 3);
  const lines = limited.lines.filter(({ msg }) => msg === "connections refused");
  assert.deepEqual(
    lines.map(({ reason }) => reason),
    ["too-many-connections"],
  );
  clients[0]?.close();
  await waitFor(() => limited.server.sessionCount === 2);
  clients.push(await WireClient.open(limited.address));
  for (const client of clients) client.close();
  await limited.stop();
});

test("a port in use is named", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await waitFor(() => other.listening);
  const { port } = other.address() as AddressInfo;
  const config = configSchema.parse({ bind: "127.0.0.1", rtmp: { port } });
  const gates = new FakeGates();
  const { log } = memoryLog();
  const server = createRtmpServer({ config, publish: gates, play: gates, log, clock: systemClock });
  await assert.rejects(server.listen(), (error) => {
    assert.ok(error instanceof HoldfastError);
    assert.equal(error.code, "PORT_IN_USE");
    assert.match(error.message, new RegExp(`rtmp.port: 127.0.0.1:${port} is already in use`));
    return true;
  });
  other.close();
});
