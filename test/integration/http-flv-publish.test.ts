import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { HoldfastError } from "../../src/domain/errors.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { ScriptedPublication } from "../support/fake-gates.ts";
import { flvHeader } from "../support/flv-file.ts";
import { unitsOf } from "../support/media-units.ts";
import { differences } from "../support/packet-compare.ts";
import { RecordingSubscriber } from "../support/recording-subscriber.ts";
import { sampleFlv, sampleStream } from "../support/sample-stream.ts";
import { asTags, startFlv, type TestFlv } from "../support/start-flv.ts";
import { waitFor } from "../support/wait.ts";

const run = promisify(execFile);

let flv: TestFlv;
let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "holdfast-post-"));
  flv = await startFlv({ limits: { publisherTimeout: "1s", messageAfterPublish: "64KB" } });
});
after(async () => {
  await flv.stop();
  await rm(dir, { recursive: true });
});

const packets = sampleStream({ duration: 1_000 });
const file = sampleFlv(packets);

/** Publish into a script instead of a channel. */
function scripted(name: string): ScriptedPublication {
  const publication = new ScriptedPublication(parseStreamKey(name));
  const { onPublish } = flv.gates;
  flv.gates.onPublish = (request) => (request.key === name ? publication : onPublish(request));
  return publication;
}

/** A POST by hand. Collects the answer. */
function post(name: string, head = "Transfer-Encoding: chunked", query = "") {
  const socket = flv.dial();
  const told = { socket, answer: "" };
  socket.on("data", (data) => (told.answer += data.toString("latin1")));
  socket.write(`POST /${name}.flv${query} HTTP/1.1\r\nHost: x\r\n${head}\r\n\r\n`);
  return Object.assign(told, {
    chunk: (data: Buffer) =>
      socket.write(
        Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from("\r\n")]),
      ),
    finish: () => socket.write("0\r\n\r\n"),
  });
}

async function endLine(stream: string) {
  return waitFor(() =>
    flv.lines.find((line) => line["msg"] === "session ended" && line["stream"] === stream),
  );
}

test("what is posted arrives packet by packet; the end of the body unpublishes", async () => {
  const publication = scripted("post/chunked");
  const { chunk, finish, socket } = post("post/chunked", "Transfer-Encoding: chunked", "?token=secret");
  for (let at = 0; at < file.length; at += 700) chunk(file.subarray(at, at + 700));
  await waitFor(() => publication.packets.length === packets.length);
  assert.deepEqual(publication.packets, packets);
  assert.deepEqual(publication.ends, []);
  finish();
  await waitFor(() => publication.ends.length === 1);
  assert.deepEqual(publication.ends, ["unpublished"]);
  const line = await endLine("post/chunked");
  assert.equal(line["role"], "publisher");
  assert.equal(line["code"], "STREAM_ENDED");
  const request = flv.gates.publishes.find(({ key }) => key === "post/chunked");
  assert.equal(request?.query, "token=secret");
  assert.equal(JSON.stringify(flv.lines).includes("secret"), false);
  socket.destroy();
});

test("a body with a length, asked for by 100-continue, is published and answered with 200", async () => {
  const publication = scripted("post/length");
  const told = post("post/length", `Content-Length: ${file.length}\r\nExpect: 100-continue`);
  await waitFor(() => told.answer.startsWith("HTTP/1.1 100 "));
  told.socket.write(file);
  await waitFor(() => told.answer.includes("HTTP/1.1 200 "));
  assert.match(told.answer, /access-control-allow-origin: \*/);
  assert.deepEqual(publication.ends, ["unpublished"]);
  assert.deepEqual(publication.packets, packets);
});

test("@setDataFrame is an order to the server and is taken off", async () => {
  const publication = scripted("post/order");
  const [meta] = packets;
  const payload = Buffer.concat([
    Buffer.from([2, 0, 13]),
    Buffer.from("@setDataFrame"),
    meta?.payload as Buffer,
  ]);
  const told = post("post/order");
  told.chunk(sampleFlv([{ type: "data", timestamp: 0, payload }]));
  await waitFor(() => publication.packets.length === 1);
  assert.deepEqual(publication.packets[0]?.payload, meta?.payload);
  told.socket.destroy();
});

test("a connection that breaks is no end of the stream", async () => {
  const publication = scripted("post/broken");
  const told = post("post/broken");
  told.chunk(file);
  await waitFor(() => publication.packets.length > 0);
  told.socket.destroy();
  await waitFor(() => publication.ends.length === 1);
  assert.deepEqual(publication.ends, ["disconnected"]);
  assert.equal((await endLine("post/broken"))["code"], "CLIENT_LEFT");
});

test("a refused publisher is told why, though it is in the middle of its body", async () => {
  flv.gates.onPublish = ((next) => (request) => {
    if (request.key === "post/refused") throw new HoldfastError("STREAM_NAME_TAKEN");
    return next(request);
  })(flv.gates.onPublish);
  const told = post("post/refused");
  const timer = setInterval(() => told.socket.writable && told.chunk(Buffer.alloc(10_000)), 5);
  await waitFor(() => told.socket.closed);
  clearInterval(timer);
  assert.match(told.answer, /^HTTP\/1\.1 409 /);
  assert.match(told.answer, /application\/problem\+json/);
  assert.match(told.answer, /STREAM_NAME_TAKEN/);
});

const BROKEN: readonly [name: string, body: Buffer, status: number, code: string][] = [
  ["noise", Buffer.from("this is not FLV at all"), 400, "PROTOCOL_VIOLATION"],
  [
    "long",
    Buffer.concat([flvHeader(), Buffer.from([9, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0])]),
    413,
    "LIMIT_EXCEEDED",
  ],
];
for (const [name, body, status, code] of BROKEN) {
  test(`a body of ${name} is refused with ${status}, and the publication is over`, async () => {
    const publication = scripted(`post/${name}`);
    const told = post(`post/${name}`);
    told.chunk(body);
    await waitFor(() => told.socket.closed);
    assert.ok(told.answer.startsWith(`HTTP/1.1 ${status} `), told.answer);
    assert.ok(told.answer.includes(code));
    assert.deepEqual(publication.ends, ["disconnected"]);
    assert.equal((await endLine(`post/${name}`))["code"], code);
  });
}

test("a body that ends inside a tag is no orderly end", async () => {
  const publication = scripted("post/cut");
  const told = post("post/cut");
  told.chunk(file.subarray(0, file.length - 20));
  told.finish();
  await waitFor(() => told.answer.startsWith("HTTP/1.1 400 "));
  assert.deepEqual(publication.ends, ["disconnected"]);
  assert.ok(publication.packets.length > 10, "what was whole was published");
});

test("a silent publisher is ended when its time is over", async () => {
  const publication = scripted("post/silent");
  const told = post("post/silent");
  told.chunk(file.subarray(0, 200));
  await waitFor(() => told.socket.closed, { within: 5_000 });
  assert.match(told.answer, /^HTTP\/1\.1 408 /);
  assert.deepEqual(publication.ends, ["disconnected"]);
});

test("a publisher that sends too many tags is refused", async () => {
  const limited = await startFlv({ limits: { messagesPerSecond: 20 } });
  const answer = await fetch(`http://${limited.address}/post/flood.flv`, { method: "POST", body: file });
  const { code, detail } = (await answer.json()) as { code: string; detail: string };
  assert.deepEqual(
    [answer.status, code, detail],
    [413, "LIMIT_EXCEEDED", "the publisher sends too many tags"],
  );
  assert.equal(limited.channels.get(parseStreamKey("post/flood"))?.source, undefined);
  await limited.stop();
});

test("a publisher that must go is cut off at once, and so is one whose channel was taken over", async () => {
  for (const how of ["revoked", "replaced"] as const) {
    const publication = scripted(`post/${how}`);
    const told = post(`post/${how}`);
    told.chunk(file);
    await waitFor(() => publication.packets.length === packets.length);
    if (how === "revoked") publication.revoke(new HoldfastError("STREAM_TAKEN_OVER"));
    else publication.replace();
    await waitFor(() => told.socket.closed, { within: 1_000 });
    assert.equal((await endLine(`post/${how}`))["code"], "STREAM_TAKEN_OVER");
  }
});

test("a publisher that leaves while the gate thinks is not published", async () => {
  const publication = new ScriptedPublication(parseStreamKey("post/hasty"));
  let answer = (): void => undefined;
  flv.gates.onPublish = ((next) => (request) =>
    request.key === "post/hasty"
      ? new Promise((resolve) => (answer = () => resolve(publication)))
      : next(request))(flv.gates.onPublish);
  const told = post("post/hasty");
  const request = await waitFor(() => flv.gates.publishes.find(({ key }) => key === "post/hasty"));
  told.socket.destroy();
  await waitFor(() => request.left.aborted);
  answer();
  await waitFor(() => publication.ends.length === 1);
  assert.deepEqual(publication.ends, ["disconnected"]);
});

test("curl uploads a file, which players of the stream receive unchanged", { timeout: 60_000 }, async () => {
  const path = join(dir, "up.flv");
  await writeFile(path, file);
  const player = new RecordingSubscriber();
  flv.channels.open(parseStreamKey("post/curl")).subscribe(player);
  const url = `http://${flv.address}/post/curl.flv`;
  const args = ["-sS", "-w", "%{http_code}", "-X", "POST", "-T", path, url];
  assert.equal((await run("curl", args)).stdout, "200");
  await waitFor(() => player.reason !== undefined);
  assert.deepEqual(player.tags, asTags(packets));
});

test(
  "ffmpeg publishes by POST, ffmpeg plays it, and nothing is changed on the way",
  { timeout: 60_000 },
  async () => {
    const path = join(dir, "ffmpeg.flv");
    await writeFile(path, sampleFlv(sampleStream({ duration: 3_000 })));
    const player = new RecordingSubscriber("rtmp");
    flv.channels.open(parseStreamKey("post/ffmpeg")).subscribe(player);
    const url = `http://${flv.address}/post/ffmpeg.flv`;
    const { stderr } = await run("ffmpeg", [
      "-v",
      "error",
      "-i",
      path,
      "-c",
      "copy",
      "-f",
      "flv",
      "-method",
      "POST",
      url,
    ]);
    assert.equal(stderr.replace(/.*Failed to update header.*\n/g, ""), "");
    await waitFor(() => player.reason?.code === "STREAM_ENDED");
    const sent = unitsOf(asTags(sampleStream({ duration: 3_000 })));
    assert.deepEqual(differences([sent], unitsOf(player.tags), { order: "per-track", complete: true }), []);
  },
);

test("stopping cuts publishers off", async () => {
  const publication = scripted("post/stop");
  const told = post("post/stop");
  told.chunk(file);
  await waitFor(() => publication.packets.length > 0);
  flv.handlers.stop();
  await waitFor(() => told.socket.closed, { within: 1_000 });
  assert.deepEqual(publication.ends, ["disconnected"]);
  assert.equal((await endLine("post/stop"))["code"], "STOPPING");
});
