import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import { HoldfastError } from "../../src/domain/errors.ts";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { MediaChannels } from "../../src/media/channels.ts";
import { dial } from "../../src/media/rtmp/client.ts";
import { streamEof } from "../../src/media/rtmp/control.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { openGates } from "../support/fake-gates.ts";
import { freePort } from "../support/free-port.ts";
import { makeCertificate } from "../support/make-certificate.ts";
import { Program } from "../support/run-program.ts";
import { sampleFlv, sampleStream, type SampleStream } from "../support/sample-stream.ts";
import { startFlv } from "../support/start-flv.ts";
import { hasNginxRtmp, startNginxRtmp } from "../support/start-nginx-rtmp.ts";
import { startPull, type TestPull } from "../support/start-pull.ts";
import { startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";
import { onStatus, startWireServer } from "../support/wire-server.ts";

const PATIENCE = { within: 30_000 };
const patient = { ingest: { connectTimeout: "20s", idleTimeout: "20s" } } as const;
const LIMITS = {
  messageBytes: 1 << 24,
  chunkStreams: 32,
  halfReceivedBytes: 1 << 24,
  amf: { depth: 16, elements: 1_024 },
};

/** Publish a minute of media at `rtmp://127.0.0.1:port/live/cam`, faster than it is played, until told to stop. */
async function publishTo(t: TestContext, port: number, stream: SampleStream = {}) {
  const tcUrl = `rtmp://127.0.0.1:${port}/live`;
  const signal = new AbortController();
  const options = { host: "127.0.0.1", port, app: "live", tcUrl, timeoutMs: 20_000, limits: LIMITS };
  const client = await dial({ ...options, signal: signal.signal });
  assert.equal((await client.publish("cam")).outcome, "started");
  const packets = sampleStream({ duration: 60_000, bytes: 200, ...stream });
  let next = 0;
  const timer = setInterval(() => {
    for (const { type, timestamp, payload } of packets.slice(next, next + 6))
      client.send(MESSAGE[type], timestamp, payload);
    next += 6;
  }, 20);
  t.after(() => {
    clearInterval(timer);
    signal.abort();
  });
  return {
    packets,
    /** Leave in order. */
    leave() {
      clearInterval(timer);
      client.leave();
    },
  };
}

/** From the first keyframe on every frame that was sent arrives, once and in order, headers before. */
async function arrives(pull: TestPull, sent: readonly MediaPacket[]): Promise<void> {
  const frames = () => pull.packets.filter(({ type, payload }) => type === "video" && !isHeader(payload));
  await waitFor(() => frames().length > 50, { ...PATIENCE, what: "fifty pictures" });
  const hex = ({ type, payload }: MediaPacket) => `${type} ${payload.toString("hex")}`;
  for (const type of ["video", "audio"] as const) {
    const got = pull.packets.filter((packet) => packet.type === type && !isHeader(packet.payload, type));
    const all = sent.filter((packet) => packet.type === type && !isHeader(packet.payload, type));
    const first = all.findIndex((packet) => hex(packet) === hex(got[0] as MediaPacket));
    assert.ok(first >= 0, `the first ${type} was sent`);
    assert.deepEqual(got.map(hex), all.slice(first, first + got.length).map(hex));
    const header = sent.find(
      (packet) => packet.type === type && isHeader(packet.payload, type),
    ) as MediaPacket;
    const place = pull.packets.findIndex((packet) => hex(packet) === hex(header));
    assert.ok(
      place >= 0 && place < pull.packets.indexOf(got[0] as MediaPacket),
      `${type} begins with its header`,
    );
  }
  assert.equal(pull.opened, 1);
}

function isHeader(payload: Buffer, type: "video" | "audio" = "video"): boolean {
  const first = payload[0] ?? 0;
  if (type === "audio") return first >> 4 === 9 ? (first & 15) === 0 : payload[1] === 0;
  return first & 0x80 ? (first & 15) === 0 : payload[1] === 0;
}

test("a Holdfast origin is pulled by RTMP, classic and enhanced, and ends in order", async (t) => {
  for (const video of ["avc1", "hvc1"] as const) {
    const rtmp = await startRtmp({}, (config, log) =>
      openGates(new MediaChannels({ clock: systemClock, config, log })),
    );
    t.after(() => rtmp.stop());
    const port = Number(rtmp.address.split(":")[1]);
    const publisher = await publishTo(t, port, {
      video,
      ...(video === "hvc1" ? { form: "enhanced" } : {}),
      audio: "mp4a",
    });
    const pull = startPull(t, `rtmp://127.0.0.1:${port}/live/cam`, { config: patient });
    await arrives(pull, publisher.packets);
    publisher.leave();
    assert.equal(await pull.said(), "ended");
    const late = startPull(t, `rtmp://127.0.0.1:${port}/live/cam`, { config: patient });
    assert.match(await late.said(), /^SOURCE_REFUSED: .*StreamNotFound/);
  }
});

test("a Holdfast origin is pulled by HTTP-FLV, after its own redirect, and ends in order", async (t) => {
  const owner = await startFlv();
  t.after(() => owner.stop());
  const other = await startFlv();
  t.after(() => other.stop());
  other.gates.onPlay = () => ({ kind: "redirect", address: owner.address, owner: "o1" });
  const channel = owner.channels.open(parseStreamKey("live/cam"));
  const source = channel.attach("publisher");
  const packets = sampleStream({ duration: 1_000 });
  const pull = startPull(t, `http://${other.address}/live/cam.flv?token=s3cret`, { config: patient });
  await waitFor(() => channel.subscribers === 1, PATIENCE);
  for (const packet of packets) source.write(packet);
  await waitFor(() => pull.packets.length >= packets.length, PATIENCE);
  channel.end(new HoldfastError("STREAM_ENDED"));
  assert.equal(await pull.said(), "ended");
  assert.deepEqual(
    pull.packets.map(({ payload }) => payload),
    packets.map(({ payload }) => payload),
  );
  assert.deepEqual(
    owner.gates.plays.map(({ redirected, query }) => [redirected, query]),
    [[true, "token=s3cret"]],
  );
  const late = startPull(t, `http://${owner.address}/live/nobody.flv`, { config: patient });
  assert.match(await late.said(), /^SOURCE_REFUSED: the source answers 404 Not Found$/);
  assert.doesNotMatch(JSON.stringify(pull.lines), /s3cret/);
});

test(
  "nginx-rtmp is pulled, and its silence where nobody publishes is seen",
  { skip: hasNginxRtmp() ? false : "nginx-rtmp is not installed" },
  async (t) => {
    const nginx = await startNginxRtmp();
    t.after(() => nginx.stop());
    const publisher = await publishTo(t, nginx.port);
    const pull = startPull(t, `${nginx.url}/cam?token=abc`, { config: patient });
    await arrives(pull, publisher.packets);
    publisher.leave();
    assert.equal(await pull.said(), "ended");
    const late = startPull(t, `${nginx.url}/cam`, {
      config: { ingest: { connectTimeout: "20s", idleTimeout: "1s" } },
    });
    assert.match(await late.said(), /^SOURCE_FAILED: the source sends no media for 1000 ms$/);
    assert.equal(late.opened, 1, "nginx says that it plays what nobody publishes");
  },
);

test("node-media-server is pulled by HTTP-FLV and by RTMP", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "holdfast-nms-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const [rtmp, http] = [await freePort(), await freePort()];
  const server = join(import.meta.dirname, "../../scripts/bench/peers/nms.mjs");
  const script = `cd ${JSON.stringify(dir)} && exec ${JSON.stringify(process.execPath)} ${JSON.stringify(server)} ${rtmp} ${http}`;
  const program = new Program("node-media-server", "sh", ["-c", script], { timeoutMs: 600_000 });
  t.after(() => program.stop());
  const publisher = await waitFor(() => publishTo(t, rtmp), { ...PATIENCE, what: "node-media-server" });
  const byHttp = startPull(t, `http://127.0.0.1:${http}/live/cam.flv`, { config: patient });
  const byRtmp = startPull(t, `rtmp://127.0.0.1:${rtmp}/live/cam`, { config: patient });
  await arrives(byHttp, publisher.packets);
  await arrives(byRtmp, publisher.packets);
  await program.stop();
  for (const pull of [byHttp, byRtmp]) assert.match(await pull.said(), /^SOURCE_FAILED: /);
});

test("TLS is checked, and what NODE_EXTRA_CA_CERTS holds is trusted", async (t) => {
  const certificate = await makeCertificate("localhost");
  t.after(() => certificate.remove());
  const tls = { cert: await readFile(certificate.cert), key: await readFile(certificate.key) };
  const packets = sampleStream({ duration: 400 });
  const rtmps = await startWireServer(async (peer) => {
    await peer.accept("play");
    const { payload } = packets[1] as MediaPacket;
    peer.send(onStatus("status", "NetStream.Play.Start"), { type: 9, streamId: 1, chunkStreamId: 6, timestamp: 0, payload }, streamEof(1)); // prettier-ignore
  }, tls);
  t.after(() => rtmps.stop());
  const https = createServer(tls, (_request, response) => response.writeHead(200).end(sampleFlv(packets)));
  await new Promise<void>((resolve) => https.listen(0, "127.0.0.1", resolve));
  t.after(() => void https.close());
  const { port } = https.address() as AddressInfo;
  const script = join(import.meta.dirname, "../support/pull-once.ts");
  for (const [url, host, expected] of [
    [`rtmps://user:hunter2@HOST:${rtmps.port}/live/cam?token=abc`, "localhost", "ended (1 packets)\n"],
    [
      `https://user:hunter2@HOST:${port}/live/cam.flv?token=abc`,
      "localhost",
      `ended (${packets.length} packets)\n`,
    ],
  ] as const) {
    const named = (name: string) => url.replace("HOST", name);
    const untrusted = await startPull(t, named(host), { config: patient }).said();
    assert.match(untrusted, /^SOURCE_UNREACHABLE: .*self-signed certificate/);
    assert.doesNotMatch(untrusted, /hunter2|abc/);
    const pull = async (name: string) => {
      const env = { ...process.env, NODE_EXTRA_CA_CERTS: certificate.cert };
      return (await promisify(execFile)(process.execPath, ["--import", "tsx", script, named(name)], { env }))
        .stdout;
    };
    assert.equal(await pull(host), expected);
    assert.match(
      await pull("127.0.0.1"),
      /^SOURCE_UNREACHABLE: .*does not match certificate/,
      "the name is checked, too",
    );
  }
});
