import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { HoldfastError } from "../../src/domain/errors.ts";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { FfprobePlayer } from "../support/ffprobe-player.ts";
import { FlvReader, readFlv } from "../support/flv-file.ts";
import { unitsOf } from "../support/media-units.ts";
import { differences } from "../support/packet-compare.ts";
import { Program } from "../support/run-program.ts";
import { sampleStream, type SampleStream } from "../support/sample-stream.ts";
import { asTags, bodyOf, get, startFlv, type TestFlv } from "../support/start-flv.ts";
import { waitFor } from "../support/wait.ts";

const run = promisify(execFile);
const ENDED = new HoldfastError("STREAM_ENDED");

let flv: TestFlv;
before(async () => {
  flv = await startFlv({ vhosts: ["tv.example"] });
});
after(() => flv.stop());

const url = (path: string) => `http://${flv.address}${path}`;

function live(name: string, options: SampleStream = {}) {
  const channel = flv.channels.open(parseStreamKey(name));
  const source = channel.attach("publisher");
  const packets = sampleStream(options);
  const write = (some: readonly MediaPacket[]) => some.forEach((packet) => source.write(packet));
  const players = (count: number) =>
    waitFor(() => channel.subscribers === count, { what: `${count} players` });
  return { channel, source, packets, write, players };
}

async function endLine(stream: string) {
  return waitFor(
    () => flv.lines.find((line) => line["msg"] === "session ended" && line["stream"] === stream),
    {
      what: "the end of the session in the log",
    },
  );
}

test("a player gets headers, file header and every packet, and the connection ends with the stream", async () => {
  const { channel, packets, write, players } = live("http/first");
  const asked = get(url("/http/first.flv"));
  await players(1);
  write(packets);
  channel.end(ENDED);
  const answer = await asked;
  assert.equal(answer.statusCode, 200);
  assert.equal(answer.headers["content-type"], "video/x-flv");
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.equal(answer.headers["access-control-allow-origin"], "*");
  assert.equal(answer.headers["transfer-encoding"], "chunked");
  assert.equal(answer.headers["content-length"], undefined);
  const reader = new FlvReader();
  for await (const part of answer) reader.push(part as Buffer);
  assert.deepEqual(reader.tags, asTags(packets));
  const line = await endLine("http/first");
  assert.equal(line["code"], "STREAM_ENDED");
  assert.equal(line["role"], "player");
  assert.equal(line["protocol"], "http-flv");
});

test("a late player begins with the last keyframe; the file header tells the tracks", async () => {
  const cases: [string, SampleStream, number][] = [
    ["both", {}, 5],
    ["audio", { video: false }, 4],
    ["video", { audio: false }, 1],
  ];
  for (const [name, options, flags] of cases) {
    const { channel, packets, write, players } = live(`http/late-${name}`, { ...options, gop: 10 });
    write(packets);
    const asked = get(url(`/http/late-${name}.flv`));
    await players(1);
    channel.end(ENDED);
    const file = Buffer.from(await bodyOf2(await asked));
    assert.equal(file[4], flags, name);
    const units = unitsOf(readFlv(file));
    if (options.video !== false) assert.equal(units[0]?.key, true);
    const sent = unitsOf(asTags(packets));
    assert.deepEqual(
      units.map(({ hash }) => hash),
      sent.slice(-units.length).map(({ hash }) => hash),
    );
    assert.ok(units.length > 5 && units.length <= sent.length);
  }
});

async function bodyOf2(answer: AsyncIterable<unknown>): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

test("a stream that nobody publishes is 404 at once, as a problem that a page may read", async () => {
  const answer = await get(url("/http/nobody.flv?token=secret"));
  assert.equal(answer.statusCode, 404);
  assert.equal(answer.headers["content-type"], "application/problem+json");
  assert.equal(answer.headers["access-control-allow-origin"], "*");
  const problem = JSON.parse(await bodyOf(answer)) as Record<string, unknown>;
  assert.equal(problem["code"], "STREAM_NOT_FOUND");
  assert.equal(problem["status"], 404);
  await endLine("http/nobody");
  assert.equal(JSON.stringify(flv.lines).includes("secret"), false, "no query in the log");
});

test("a name that cannot be a stream is 400", async () => {
  const answer = await get(url("/http/a%00b.flv"));
  assert.equal(answer.statusCode, 400);
  assert.equal((JSON.parse(await bodyOf(answer)) as { code: string }).code, "STREAM_NAME_INVALID");
});

test("OPTIONS and HEAD are answered", async () => {
  const options = await get(url("/http/any.flv"), { method: "OPTIONS" });
  assert.equal(options.statusCode, 204);
  assert.equal(options.headers["access-control-allow-origin"], "*");
  assert.match(options.headers["access-control-allow-methods"] ?? "", /GET.*POST/);
  const { channel, packets, write } = live("http/head");
  write(packets);
  const head = await get(url("/http/head.flv"), { method: "HEAD" });
  assert.equal(head.statusCode, 200);
  assert.equal(head.headers["content-type"], "video/x-flv");
  assert.equal(await bodyOf(head), "");
  assert.equal(channel.subscribers, 0);
  assert.equal((await get(url("/http/none.flv"), { method: "HEAD" })).statusCode, 404);
});

test("the gate hears of nested apps, vhosts, queries and redirects", async () => {
  await get(url("/a/b/caf%C3%A9.flv?vhost=tv.example&t=1&redirected=1"));
  const request = flv.gates.plays.at(-1);
  assert.equal(request?.key, "//tv.example/a/b/café");
  assert.equal(request?.query, "vhost=tv.example&t=1");
  assert.equal(request?.redirected, true);
  assert.equal(request?.client.protocol, "http-flv");
  assert.equal(request?.client.address, "127.0.0.1");
});

test("a redirect keeps the query, is marked, and may be followed by a page", async () => {
  const { onPlay } = flv.gates;
  flv.gates.onPlay = () => ({ kind: "redirect", address: "o2.example:8080", owner: "o2" });
  try {
    const answer = await get(url("/http/elsewhere.flv?t=1"));
    assert.equal(answer.statusCode, 302);
    assert.equal(answer.headers.location, "http://o2.example:8080/http/elsewhere.flv?t=1&redirected=1");
    assert.equal(answer.headers["access-control-allow-origin"], "*");
    assert.equal(answer.headers["cache-control"], "no-store");
    assert.equal((await endLine("http/elsewhere"))["code"], "NOT_OWNER");
  } finally {
    flv.gates.onPlay = onPlay;
  }
});

test("an HTTP/1.0 player gets the same", async () => {
  const { channel, packets, write, players } = live("http/old");
  const socket = flv.dial();
  socket.write("GET /http/old.flv HTTP/1.0\r\n\r\n");
  const parts: Buffer[] = [];
  socket.on("data", (part) => parts.push(part));
  await players(1);
  write(packets);
  channel.end(ENDED);
  await waitFor(() => socket.closed);
  const answer = Buffer.concat(parts);
  const body = answer.indexOf("\r\n\r\n") + 4;
  assert.match(answer.toString("latin1", 0, body), /^HTTP\/1\.[01] 200 /);
  assert.deepEqual(readFlv(answer.subarray(body)), asTags(packets));
});

test("a player that leaves is forgotten, before the gate has answered and after", async () => {
  const { channel, packets, write, players } = live("http/leaver");
  write(packets);
  const socket = flv.dial();
  socket.write("GET /http/leaver.flv HTTP/1.1\r\nHost: x\r\n\r\n");
  await players(1);
  socket.destroy();
  await players(0);
  assert.equal((await endLine("http/leaver"))["code"], "CLIENT_LEFT");

  const { onPlay } = flv.gates;
  let answerNow = (): void => undefined;
  flv.gates.onPlay = () => new Promise((resolve) => (answerNow = () => resolve({ kind: "serve", channel })));
  try {
    const early = flv.dial();
    early.write("GET /http/early.flv HTTP/1.1\r\nHost: x\r\n\r\n");
    const request = await waitFor(() => flv.gates.plays.find(({ key }) => key === "http/early"));
    assert.equal(request.left.aborted, false);
    early.destroy();
    await waitFor(() => request.left.aborted);
    answerNow();
    await endLine("http/early");
    assert.equal(channel.subscribers, 0);
  } finally {
    flv.gates.onPlay = onPlay;
  }
});

test("a second request before the end of the first is refused, and the first goes on", async () => {
  const { channel, packets, write, players } = live("http/eager");
  const socket = flv.dial();
  const one = "GET /http/eager.flv HTTP/1.1\r\nHost: x\r\n\r\n";
  socket.write(one + one + one);
  const parts: Buffer[] = [];
  socket.on("data", (part) => parts.push(part));
  await players(1);
  write(packets);
  channel.end(ENDED);
  await waitFor(() => socket.closed);
  assert.deepEqual(readFlv(dechunked(Buffer.concat(parts))), asTags(packets));
});

/** The body of a chunked answer, up to its last chunk. */
function dechunked(answer: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = answer.indexOf("\r\n\r\n") + 4; ;) {
    const line = answer.indexOf("\r\n", at);
    const size = Number.parseInt(answer.toString("latin1", at, line), 16);
    if (size === 0) return Buffer.concat(parts);
    parts.push(answer.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

test("ffprobe gets every packet once, in order, unchanged", { timeout: 60_000 }, async () => {
  const { channel, packets, write, players } = live("http/ffprobe", { duration: 6_000, start: 5_000 });
  const player = new FfprobePlayer(url("/http/ffprobe.flv"));
  await players(1);
  write(packets);
  channel.end(ENDED);
  assert.equal((await player.exit).code, 0);
  const sent = unitsOf(asTags(packets));
  assert.deepEqual(differences([sent], player.units(), { order: "per-track", complete: true }), []);
});

test(
  "ffmpeg copies a stream without changing a byte, over a swap of its source",
  { timeout: 60_000 },
  async () => {
    const { channel, packets, write, players } = live("http/ffmpeg", { duration: 4_000 });
    const parts: Buffer[] = [];
    const args = ["-v", "error", "-i", url("/http/ffmpeg.flv"), "-c", "copy", "-f", "flv"];
    const copy = ["-flvflags", "no_duration_filesize", "-fflags", "+bitexact", "-"];
    const ffmpeg = new Program("ffmpeg", "ffmpeg", [...args, ...copy], {
      onOutput: (part) => parts.push(part),
    });
    await players(1);
    write(packets);
    const second = sampleStream({ duration: 4_000, number: 5_000, start: 900_000 });
    const source = channel.attach("publisher");
    for (const packet of second) source.write(packet);
    channel.end(ENDED);
    const exit = await ffmpeg.exit;
    assert.equal(exit.code, 0, exit.stderr);
    assert.equal(exit.stderr, "", "ffmpeg had nothing to complain about");
    const published = [packets, second].map((some) => unitsOf(asTags(some)));
    const got = unitsOf(readFlv(Buffer.concat(parts)));
    assert.deepEqual(differences(published, got, { order: "per-track", complete: true }), []);
  },
);

test("curl takes the stream, and is told why when there is none", { timeout: 60_000 }, async () => {
  const { channel, packets, write, players } = live("http/curl");
  const asked = run("curl", ["-sS", url("/http/curl.flv")], { encoding: "buffer" });
  await players(1);
  write(packets);
  channel.end(ENDED);
  assert.deepEqual(readFlv((await asked).stdout), asTags(packets));
  const refused = await run("curl", ["-sS", "-w", "%{http_code}", url("/http/gone.flv")]);
  assert.match(refused.stdout, /STREAM_NOT_FOUND.*404$/);
});
