import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { HoldfastError } from "../../src/domain/errors.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { FlvReader } from "../support/flv-file.ts";
import { sampleStream } from "../support/sample-stream.ts";
import { asTags, startFlv, type TestFlv } from "../support/start-flv.ts";
import { waitFor } from "../support/wait.ts";

const ENDED = new HoldfastError("STREAM_ENDED");
const UPGRADE = [
  "Host: x",
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
].join("\r\n");

let flv: TestFlv;
before(async () => {
  flv = await startFlv({ limits: { playerTimeout: "1s" }, fanout: { maxBacklog: "256KB", dropAfter: "1s" } });
});
after(() => flv.stop());

function live(name: string) {
  const channel = flv.channels.open(parseStreamKey(name));
  const source = channel.attach("publisher");
  const packets = sampleStream();
  const write = () => packets.forEach((packet) => source.write(packet));
  const players = (count: number) =>
    waitFor(() => channel.subscribers === count, { what: `${count} players` });
  return { channel, source, packets, write, players };
}

function play(path: string, protocols: string[] = []) {
  const websocket = new WebSocket(`ws://${flv.address}${path}`, protocols);
  const reader = new FlvReader();
  const seen: { code?: number; status?: number; error?: string; text: number } = { text: 0 };
  websocket.on("message", (data: Buffer, binary) => (binary ? reader.push(data) : (seen.text += 1)));
  websocket.on("close", (code) => (seen.code = code));
  websocket.on("error", (error) => (seen.error = error.message));
  websocket.on("unexpected-response", (request, answer) => {
    seen.status = answer.statusCode ?? 0;
    request.destroy();
  });
  return { websocket, reader, seen };
}

/** The server's end is a player before the client's knows that it is connected. */
const opened = (websocket: WebSocket) =>
  waitFor(() => websocket.readyState === websocket.OPEN, { what: "the open WebSocket" });

async function endCode(stream: string) {
  const line = await waitFor(() =>
    flv.lines.find((line) => line["msg"] === "session ended" && line["stream"] === stream),
  );
  assert.equal(line["protocol"], "ws-flv");
  return line["code"];
}

test("a WebSocket gets the file header and every packet in binary frames, and a close at the end", async () => {
  const { channel, packets, write, players } = live("ws/first");
  const { reader, seen } = play("/ws/first.flv?t=1");
  await players(1);
  write();
  channel.end(ENDED);
  await waitFor(() => seen.code !== undefined);
  assert.deepEqual(reader.tags, asTags(packets));
  assert.deepEqual({ ...seen, error: undefined }, { code: 1_000, text: 0, error: undefined });
  const request = flv.gates.plays.find(({ key }) => key === "ws/first");
  assert.equal(request?.client.protocol, "ws-flv");
  assert.equal(request?.query, "t=1");
  assert.equal(await endCode("ws/first"), "STREAM_ENDED");
});

test("a late player begins with the last keyframe", async () => {
  const { channel, write, players } = live("ws/late");
  write();
  const { reader, seen } = play("/ws/late.flv");
  await players(1);
  channel.end(ENDED);
  await waitFor(() => seen.code === 1_000);
  assert.deepEqual(
    reader.tags.slice(0, 3).map(({ type }) => type),
    [18, 9, 8],
  );
  assert.equal(reader.tags[3]?.body[0], 0x17);
});

test("a refusal is an HTTP answer, before any upgrade", async () => {
  const socket = flv.dial();
  let answer = "";
  socket.on("data", (data) => (answer += data.toString()));
  socket.write(`GET /ws/nobody.flv HTTP/1.1\r\n${UPGRADE}\r\n\r\n`);
  await waitFor(() => socket.closed);
  assert.match(answer, /^HTTP\/1\.1 404 /);
  assert.match(answer, /access-control-allow-origin: \*/);
  assert.match(answer, /STREAM_NOT_FOUND/);
  const { seen } = play("/ws/a%00b.flv");
  await waitFor(() => seen.status === 400);
});

test("a handshake that is none is refused", async () => {
  const { write, players } = live("ws/bad");
  write();
  const socket = flv.dial();
  let answer = "";
  socket.on("data", (data) => (answer += data.toString("latin1")));
  socket.write("GET /ws/bad.flv HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  await waitFor(() => answer.startsWith("HTTP/1.1 4"));
  await players(0);
});

test("subprotocols are not taken up, and what a player says is ignored", async () => {
  const { channel, write } = live("ws/talker");
  const { websocket, seen, reader } = play("/ws/talker.flv");
  await opened(websocket);
  websocket.send("hello");
  websocket.send(Buffer.alloc(100));
  websocket.ping();
  let ponged = false;
  websocket.on("pong", () => (ponged = true));
  await waitFor(() => ponged);
  write();
  channel.end(ENDED);
  await waitFor(() => seen.code === 1_000);
  assert.ok(reader.tags.length > 50);
  const { seen: other } = play("/ws/talker.flv", ["flv"]);
  await waitFor(() => other.error !== undefined || other.status !== undefined);
});

test("a player that says too much is closed, by size and by number", async () => {
  const { write, players } = live("ws/loud");
  write();
  const big = play("/ws/loud.flv");
  await players(1);
  await opened(big.websocket);
  big.websocket.send(Buffer.alloc(5_000));
  await waitFor(() => big.seen.code === 1_009);
  await players(0);
  const many = play("/ws/loud.flv");
  await players(1);
  await opened(many.websocket);
  for (let count = 0; count < 200; count++) many.websocket.send("x");
  await waitFor(() => many.seen.code !== undefined);
  await players(0);
});

test("a player that leaves is forgotten, while the gate thinks and after", async () => {
  const { channel, write, players } = live("ws/leaver");
  write();
  const { websocket } = play("/ws/leaver.flv");
  await players(1);
  websocket.terminate();
  await players(0);

  const { onPlay } = flv.gates;
  let answerNow = (): void => undefined;
  flv.gates.onPlay = () => new Promise((resolve) => (answerNow = () => resolve({ kind: "serve", channel })));
  try {
    for (const leave of ["destroy", "end"] as const) {
      const socket = flv.dial();
      socket.write(`GET /ws/${leave}.flv HTTP/1.1\r\n${UPGRADE}\r\n\r\n`);
      const request = await waitFor(() => flv.gates.plays.find(({ key }) => key === `ws/${leave}`));
      socket[leave]();
      await waitFor(() => request.left.aborted, { what: `${leave} to be seen` });
      answerNow();
      assert.equal(await endCode(`ws/${leave}`), "CLIENT_LEFT");
    }
    assert.equal(channel.subscribers, 0);
  } finally {
    flv.gates.onPlay = onPlay;
  }
});

test("frames that come before the gate has answered are not lost, and not without bound", async () => {
  const { channel, write } = live("ws/early");
  write();
  const { onPlay } = flv.gates;
  let answerNow = (): void => undefined;
  flv.gates.onPlay = () => new Promise((resolve) => (answerNow = () => resolve({ kind: "serve", channel })));
  try {
    const socket = flv.dial();
    let answer = Buffer.alloc(0);
    socket.on("data", (data) => (answer = Buffer.concat([answer, data])));
    socket.write(`GET /ws/early.flv HTTP/1.1\r\n${UPGRADE}\r\n\r\n`);
    await waitFor(() => flv.gates.plays.some(({ key }) => key === "ws/early"));
    // A ping with the payload "hi", masked with zeros, in two pieces.
    socket.write(Buffer.from([0x89, 0x82, 0, 0]));
    socket.write(Buffer.from([0, 0, 0x68, 0x69]));
    answerNow();
    await waitFor(() => answer.includes(Buffer.from([0x8a, 2, 0x68, 0x69])), { what: "the pong" });
    socket.destroy();

    const flood = flv.dial();
    flood.write(`GET /ws/flood.flv HTTP/1.1\r\n${UPGRADE}\r\n\r\n`);
    flood.write(Buffer.alloc(50_000));
    assert.equal(await endCode("ws/flood"), "LIMIT_EXCEEDED");
  } finally {
    flv.gates.onPlay = onPlay;
  }
});

test("a player that answers no ping is dropped, one that does may wait for media as long as it likes", async () => {
  const { channel, players } = live("ws/silent");
  const mute = flv.dial();
  mute.write(`GET /ws/silent.flv HTTP/1.1\r\n${UPGRADE}\r\n\r\n`);
  mute.resume();
  const { seen } = play("/ws/silent.flv");
  await players(2);
  await waitFor(() => mute.closed, { within: 5_000 });
  assert.equal(await endCode("ws/silent"), "TIMED_OUT");
  assert.equal(seen.code, undefined);
  assert.equal(channel.subscribers, 1);
  channel.end(ENDED);
  await waitFor(() => seen.code === 1_000);
});

test("a player that does not read is given up", async () => {
  const { channel, source, write, players } = live("ws/stuck");
  write();
  const stuck = flv.dial();
  stuck.write(`GET /ws/stuck.flv HTTP/1.1\r\n${UPGRADE}\r\n\r\n`);
  stuck.pause();
  await players(1);
  const pictures = sampleStream({ duration: 1_000_000, audio: false, metadata: false, bytes: 30_000 });
  let next = 0;
  const timer = setInterval(() => {
    for (let burst = 0; burst < 4; burst++)
      source.write(pictures[1 + (next++ % 20_000)] as (typeof pictures)[0]);
  }, 4);
  await waitFor(() => channel.subscribers === 0, { within: 20_000 });
  clearInterval(timer);
  assert.match(String(await endCode("ws/stuck")), /SLOW_READER|TIMED_OUT/);
  // A FIN would stay behind what it does not read. With a reset the kernel forgets what it still had to send.
  let read = 0;
  stuck.on("data", ({ length }) => (read += length)).resume();
  await waitFor(() => stuck.closed);
  assert.ok(read < 1_048_576, `${read} bytes were kept for it`);
});

test("stopping closes every WebSocket with 1001", async () => {
  const { write, players } = live("ws/stop");
  write();
  const { seen } = play("/ws/stop.flv");
  await players(1);
  flv.handlers.stop();
  await waitFor(() => seen.code === 1_001);
  const { seen: late } = play("/ws/stop.flv");
  await waitFor(() => late.status === 503);
});

/** A player that never closes its end, whatever it is told, and what the origin says of it in the end. */
async function deafPlayer(test: TestFlv, stream: string) {
  const channel = test.channels.open(parseStreamKey(stream));
  const [host, port] = test.address.split(":") as [string, string];
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  socket.on("error", () => undefined).resume();
  socket.write(`GET /${stream}.flv HTTP/1.1\r\n${UPGRADE}\r\n\r\n`);
  await waitFor(() => channel.subscribers === 1, { what: "the player" });
  const ended = (within: number) =>
    waitFor(() => test.lines.find(({ msg }) => msg === "session ended"), {
      within,
      what: "the end of the connection",
    });
  return { channel, socket, ended };
}

test("a player that breaks the protocol is not waited for", async () => {
  const other = await startFlv();
  try {
    const { socket, ended } = await deafPlayer(other, "ws/breaks");
    // A continuation of nothing.
    socket.write(Buffer.from([0x00, 0x80, 0, 0, 0, 0]));
    assert.equal((await ended(20_000))["code"], "PROTOCOL_VIOLATION");
    socket.destroy();
  } finally {
    await other.stop();
  }
});

test("stopping does not wait for a player that was let go before and stays", async () => {
  const other = await startFlv();
  try {
    const { channel, socket, ended } = await deafPlayer(other, "ws/stays");
    channel.end(ENDED);
    await waitFor(() => channel.subscribers === 0);
    other.handlers.stop();
    assert.equal((await ended(8_000))["code"], "STREAM_ENDED");
    socket.destroy();
  } finally {
    await other.stop();
  }
});
