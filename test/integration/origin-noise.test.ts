import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { configSchema } from "../../src/config/schema.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { createOrigin, type Origin } from "../../src/origin.ts";
import { HANDSHAKE, mutate, randomFrom, rtmpSession, webSocketFrame } from "../support/noise.ts";
import { videoFrame, videoHeader } from "../support/sample-media.ts";
import { sampleFlv, sampleStream } from "../support/sample-stream.ts";
import { memoryLog } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { media, settled } from "../support/wire-session.ts";

const ROUNDS = 150;
/** So many rounds make what stays for ever: compiled code, pools, caches. */
const WARM_UP = 45;
/** What the rest may add to the heap and to buffers. One connection that leaks its limits would be more. */
const MOST_GROWTH = 4 << 20;
const { log, lines } = memoryLog();
let origin: Origin;

before(async () => {
  const config = configSchema.parse({
    bind: "127.0.0.1",
    rtmp: { port: 0 },
    http: { port: 0 },
    api: { port: 0 },
    continuity: { hold: "0s" },
  });
  origin = createOrigin(config, { log });
  await origin.start();
});
after(() => origin.stop());

const flvBody = sampleFlv(sampleStream({ duration: 400 }));
const chunk = (data: Buffer) =>
  Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]);

interface Conversation {
  readonly at: string;
  readonly bytes: Buffer;
  /** Where the bytes begin that most changes are to hit. */
  readonly from: number;
  /** Where the client waits to be accepted: what comes before that is thrown away. */
  readonly pause: number;
}

const CONVERSATIONS: readonly ((round: number) => Conversation)[] = [
  (round) => {
    const publishes = round % 2 === 0;
    const { opening, rest } = rtmpSession(publishes, publishes ? "noise" : "cam");
    const bytes = Buffer.concat([HANDSHAKE, opening, rest]);
    return { at: origin.addresses.rtmp, bytes, from: HANDSHAKE.length, pause: bytes.length - rest.length };
  },
  (round) => {
    const head = `POST /noise/post${round}.flv HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const body = [flvBody.subarray(0, 900), flvBody.subarray(900)].map(chunk);
    const bytes = Buffer.concat([Buffer.from(head), ...body, Buffer.from("0\r\n\r\n")]);
    return { at: origin.addresses.http, bytes, from: head.length, pause: bytes.length };
  },
  () => {
    const head =
      "GET /live/cam.flv HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    const frames = [1, 2, 9, 10, 8].map((opcode) => webSocketFrame(opcode, Buffer.from("\u0003\u00e8hello")));
    return {
      at: origin.addresses.http,
      bytes: Buffer.concat([Buffer.from(head), ...frames]),
      from: head.length,
      pause: head.length,
    };
  },
];

const ACCEPTED = /^HTTP\/1.1 (?:101|200)|NetStream\.\w+\.Start/;

/** Send the bytes in pieces, end, and wait until the connection is closed. Returns what came back, in Latin-1. */
async function converse(
  { at, bytes, pause }: Conversation,
  pick: (below: number) => number,
): Promise<string> {
  const [host, port] = at.split(":") as [string, string];
  const socket = connect({ host, port: Number(port) });
  let answer = "";
  let closed = false;
  socket.on("error", () => undefined).on("close", () => (closed = true));
  socket.on("data", (data) => (answer += data.toString("latin1")));
  for (let from = 0; from < bytes.length;) {
    const end = Math.min(from < pause ? pause : bytes.length, from + 1 + pick(2_000));
    socket.write(bytes.subarray(from, end));
    from = end;
    // Some changes leave it without any answer.
    if (from === pause)
      await waitFor(() => closed || ACCEPTED.test(answer), { within: 200 }).catch(() => undefined);
  }
  socket.end();
  // Some changes make an HTTP request of it that the origin goes on to answer.
  const patience = setTimeout(() => socket.destroy(), 1_000);
  await waitFor(() => closed, { what: "the end of a connection" });
  clearTimeout(patience);
  return answer;
}

async function publishing(stream: string): Promise<WireClient> {
  const client = await WireClient.open(origin.addresses.rtmp);
  await client.connectTo("live", { type: "nonprivate" });
  client.tell(1, "publish", null, stream, "live");
  await client.status("NetStream.Publish.Start");
  client.send(media(MESSAGE.video, videoHeader()));
  client.send(media(MESSAGE.video, videoFrame({ key: true, number: 1 }), 40));
  await settled(client);
  return client;
}

const isQuiet = () => origin.streams().every(({ stream }) => stream === "live/cam");

/** Bytes of heap and buffers that something still holds. */
async function memory(): Promise<number> {
  await waitFor(isQuiet, { what: "the end of the noisy streams" });
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  lines.length = 0;
  collect();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test("no change to what clients send stops an origin from serving, or stays in its memory", async (t) => {
  const seed = Number(process.env["SEED"] ?? randomInt(2 ** 31));
  t.diagnostic(`SEED=${seed}`);
  const random = randomFrom(seed);
  const pick = (below: number) => Math.floor(random() * below);
  const bystander = await publishing("cam");
  const answered = new Map<number, number>();
  const failures: unknown[] = [];
  let before = 0;
  for (let round = 0; round < ROUNDS; round++) {
    if (round === WARM_UP) before = await memory();
    const kind = round % CONVERSATIONS.length;
    const conversation = (CONVERSATIONS[kind] as (typeof CONVERSATIONS)[number])(round);
    mutate(conversation.bytes, conversation.from, random);
    const answer = await converse(conversation, pick);
    if (ACCEPTED.test(answer)) answered.set(kind, (answered.get(kind) ?? 0) + 1);
    failures.push(...lines.filter(({ level }) => Number(level) >= 50));
    lines.length = 0;
  }
  const grown = (await memory()) - before;
  t.diagnostic(`${grown} bytes more, answered: ${[...answered.values()].join(", ")}`);
  assert.deepEqual(failures, []);
  assert.ok(grown < MOST_GROWTH, `${grown} bytes more than after ${WARM_UP} rounds`);
  // Most of them got far enough to be worth the trouble.
  for (const kind of CONVERSATIONS.keys())
    assert.ok((answered.get(kind) ?? 0) > ROUNDS / 30, `kind ${kind}: ${answered.get(kind)} were answered`);

  await settled(bystander);
  const fresh = await publishing("fresh");
  for (const stream of ["cam", "fresh"]) {
    const player = await WireClient.open(origin.addresses.rtmp);
    await player.connectTo("live");
    player.tell(1, "play", null, stream);
    await waitFor(() => player.arrivals.filter(({ message }) => message.type === MESSAGE.video).length === 2);
    player.close();
    const http = await fetch(`http://${origin.addresses.http}/live/${stream}.flv`);
    assert.equal(http.status, 200);
    await http.body?.cancel();
  }
  const posted = await fetch(`http://${origin.addresses.http}/noise/last.flv`, {
    method: "POST",
    body: flvBody,
  });
  assert.equal(posted.status, 200);
  bystander.close();
  fresh.close();
});
