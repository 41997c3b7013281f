import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { dial, type RtmpClient } from "../../src/media/rtmp/client.ts";
import type { RtmpMessage } from "../../src/media/rtmp/message.ts";
import { flvHeader, flvTag, readFlv, type FlvTag } from "../support/flv-file.ts";
import { freePort } from "../support/free-port.ts";
import { makeMedia } from "../support/make-media.ts";
import { isInstalled, Program } from "../support/run-program.ts";
import { hasNginxRtmp, startNginxRtmp } from "../support/start-nginx-rtmp.ts";
import { waitFor } from "../support/wait.ts";

const LIMITS = {
  messageBytes: 1 << 24,
  chunkStreams: 32,
  halfReceivedBytes: 1 << 24,
  amf: { depth: 16, elements: 1_024 },
};
const ffmpeg = isInstalled("ffmpeg") ? false : "ffmpeg is not installed";

let dir: string;
let media: FlvTag[];
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "holdfast-peers-"));
  if (!ffmpeg) media = await makeMedia(dir, { video: "h264", audio: "aac", seconds: 3 });
});
after(() => rm(dir, { recursive: true, force: true }));

function clientFor(t: TestContext, port: number): Promise<RtmpClient> {
  const tcUrl = `rtmp://127.0.0.1:${port}/live`;
  const options = { host: "127.0.0.1", port, app: "live", tcUrl, timeoutMs: 10_000, limits: LIMITS };
  const stop = new AbortController();
  t.after(() => stop.abort());
  return dial({ ...options, signal: stop.signal });
}

type Packet = Pick<RtmpMessage, "type" | "timestamp" | "payload">;
const asPackets = (tags: readonly FlvTag[]): Packet[] =>
  tags.map(({ type, timestamp, body }) => ({ type, timestamp, payload: body }));

/** One track's packets, short enough to be compared in a report. Servers may move the tracks against each other. */
const track = (packets: readonly Packet[], type: 8 | 9, withTime: boolean): string[] =>
  packets
    .filter((packet) => packet.type === type)
    .map(
      ({ timestamp, payload }) =>
        `${withTime ? timestamp : ""} ${createHash("sha1").update(payload).digest("hex")}`,
    );

/** Headers are written anew by each muxer. */
const frames = (packets: readonly Packet[]) =>
  packets.filter(({ type, payload }) => type !== 18 && payload[1] === 1);

function sendAll(client: RtmpClient): void {
  for (const { type, timestamp, body } of media) client.send(type, timestamp, body);
}

describe(
  "the RTMP client and nginx-rtmp",
  { skip: hasNginxRtmp() ? ffmpeg : "nginx-rtmp is not installed" },
  () => {
    test("publish to it, play from it: every packet once, in order", async (t) => {
      const nginx = await startNginxRtmp();
      t.after(() => nginx.stop());
      const publisher = await clientFor(t, nginx.port);
      assert.equal((await publisher.publish("cam")).outcome, "started");
      const player = await clientFor(t, nginx.port);
      const got: RtmpMessage[] = [];
      assert.equal((await player.play("cam", (message) => got.push(message))).outcome, "started");
      sendAll(publisher);
      const wanted = asPackets(media).filter(({ type }) => type !== 18);
      await waitFor(() => got.filter(({ type }) => type !== 18).length >= wanted.length, {
        what: "all packets",
      });
      for (const type of [8, 9] as const) assert.deepEqual(track(got, type, true), track(wanted, type, true));
      publisher.leave();
      assert.equal((await publisher.ended).how, "left");
    });

    test("a second publisher is told no", async (t) => {
      const nginx = await startNginxRtmp();
      t.after(() => nginx.stop());
      const first = await clientFor(t, nginx.port);
      assert.equal((await first.publish("cam")).outcome, "started");
      const second = await clientFor(t, nginx.port);
      const answer = await second.publish("cam");
      assert.equal(answer.outcome, "refused");
      assert.equal(answer.status.code, "NetStream.Publish.BadName");
    });
  },
);

describe("the RTMP client and ffmpeg as a server", { skip: ffmpeg }, () => {
  /** ffmpeg serves one connection, the first. */
  const connect = (t: TestContext, port: number, server: Program): Promise<RtmpClient> =>
    waitFor(
      () => {
        assert.ok(server.running, server.stderr);
        return clientFor(t, port);
      },
      { what: "ffmpeg listening" },
    );

  test("publish to it: the file it writes holds every packet", async (t) => {
    const port = await freePort();
    const file = join(dir, "published.flv");
    const url = `rtmp://127.0.0.1:${port}/live/cam`;
    const server = new Program("ffmpeg", "ffmpeg", ["-v", "error", "-listen", "1", "-i", url, "-c", "copy", "-copyts", file]); // prettier-ignore
    t.after(() => server.stop());
    const client = await connect(t, port, server);
    assert.equal((await client.publish("cam")).outcome, "started");
    sendAll(client);
    client.leave();
    await server.exit;
    const written = frames(asPackets(readFlv(await readFile(file))));
    const wanted = frames(asPackets(media));
    for (const type of [8, 9] as const)
      assert.deepEqual(track(written, type, false), track(wanted, type, false));
  });

  test("play from it: the media it read from a file", async (t) => {
    const port = await freePort();
    const url = `rtmp://127.0.0.1:${port}/live/cam`;
    const source = join(dir, "source.flv");
    await writeFile(source, Buffer.concat([flvHeader(), ...media.map(flvTag)]));
    const server = new Program("ffmpeg", "ffmpeg", ["-v", "error", "-i", source, "-c", "copy", "-f", "flv", "-listen", "1", url]); // prettier-ignore
    t.after(() => server.stop());
    const client = await connect(t, port, server);
    const got: RtmpMessage[] = [];
    assert.equal((await client.play("cam", (message) => got.push(message))).outcome, "started");
    const wanted = frames(asPackets(media));
    await waitFor(() => frames(got).length >= wanted.length, { what: "all frames" });
    for (const type of [8, 9] as const)
      assert.deepEqual(track(frames(got), type, false), track(wanted, type, false));
  });
});
