import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { promisify } from "node:util";
import type { HoldfastError } from "../../src/domain/errors.ts";
import { classify } from "../../src/media/packet.ts";
import { decodedFrames } from "../support/decode-packets.ts";
import { readRecipes } from "../support/exec-recipes.ts";
import { freePort } from "../support/free-port.ts";
import { gstRtspMissing, startGstRtsp } from "../support/start-gst-rtsp.ts";
import { runExecPull } from "../support/run-exec-pull.ts";
import { isInstalled, Program } from "../support/run-program.ts";
import { hasNginxRtmp, startNginxRtmp } from "../support/start-nginx-rtmp.ts";
import { waitFor } from "../support/wait.ts";

const run = promisify(execFile);
const recipes = await readRecipes();
/** ms of media that a recipe must bring. */
const ENOUGH = 3_000;
const skip = !isInstalled("ffmpeg") && "not installed: ffmpeg";
const tried = new Set<string>();

/** The command line of a recipe, with the names of the page replaced by what there is here. */
function recipe(name: string, places: Readonly<Record<string, string>>): string {
  tried.add(name);
  let command = recipes.get(name);
  assert.ok(command !== undefined, `docs/ingest.md has no recipe ${name}`);
  for (const [there, here] of Object.entries(places)) {
    assert.ok(command.includes(there), `${there} in ${command}`);
    command = command.replace(there, here);
  }
  return command;
}

/** Run it until it has brought enough, and prove that it can be watched. */
async function watch(t: TestContext, command: string): Promise<void> {
  const pull = runExecPull(t, command);
  const frames = () => pull.packets.filter((packet) => classify(packet).role === "frame");
  let ended: unknown = "not";
  void pull.end.then((reason) => (ended = reason));
  await waitFor(
    () => {
      if (ended !== "not") throw ended;
      const all = frames();
      return (all.at(-1)?.timestamp ?? 0) - (all[0]?.timestamp ?? 0) >= ENOUGH;
    },
    { within: 40_000, what: "the media" },
  );
  assert.equal(pull.opened, 1);
  const first = frames().find(({ type }) => type === "video");
  assert.ok(first && classify(first).keyframe, "the first picture is a keyframe");
  const codecs = new Set(pull.packets.flatMap((packet) => classify(packet).tracks.map(({ codec }) => codec)));
  assert.deepEqual([...codecs].sort(), ["avc1", "mp4a"]);
  for (const type of ["video", "audio"]) {
    const times = frames().filter((packet) => packet.type === type).map(({ timestamp }) => timestamp); // prettier-ignore
    assert.ok(
      times.every((time, index) => time >= (times[index - 1] ?? 0)),
      `${type} goes back`,
    );
    assert.ok(times.length > 20, `${times.length} of ${type}`);
  }
  const decoded = await decodedFrames(pull.packets);
  assert.ok(decoded.video >= 20 && decoded.audio >= 40, JSON.stringify(decoded));
}

describe("recipes for exec: sources", { skip, concurrency: 1 }, () => {
  let dir: string;
  /** Ten seconds of H.264 and AAC, with a keyframe each second, in an MPEG transport stream. */
  let ts: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "holdfast-recipes-"));
    ts = await make("tv.ts", 10, "libx264");
  });
  after(() => rm(dir, { recursive: true, force: true }));

  async function make(name: string, seconds: number, coder: string): Promise<string> {
    const file = join(dir, name);
    const input = (source: string) => ["-f", "lavfi", "-i", source];
    const video = ["-c:v", coder, "-preset", "ultrafast", "-g", "25", "-pix_fmt", "yuv420p"];
    const quiet = coder === "libx265" ? ["-x265-params", "log-level=none"] : [];
    await run("ffmpeg", ["-v", "error", ...input("testsrc2=s=160x90:r=25"), ...input("sine=r=44100"), "-t", `${seconds}`, ...video, ...quiet, "-c:a", "aac", file]); // prettier-ignore
    return file;
  }

  /** ffmpeg that sends the file in real time, again and again, and again when nobody listens yet. */
  function send(t: TestContext, source: string, ...output: readonly string[]): void {
    let wanted = true;
    let sender: Program | undefined;
    const loop = async (): Promise<void> => {
      while (wanted) {
        sender = new Program("sender", "ffmpeg", ["-v", "error", "-re", "-stream_loop", "-1", "-i", source, "-c", "copy", ...output]); // prettier-ignore
        await sender.exit;
      }
    };
    const sending = loop();
    t.after(async () => {
      wanted = false;
      await sender?.stop();
      await sending;
    });
  }

  /** An HTTP server that answers each request with what `answer` tells. */
  async function serve(t: TestContext, answer: Parameters<typeof createServer>[1] & object): Promise<string> {
    const server: Server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** An HTTP server that sends this file as a live transport stream. */
  async function serveTs(t: TestContext, file: string): Promise<string> {
    return serve(t, (request, response) => {
      const source = new Program(
        "sender",
        "ffmpeg",
        ["-v", "error", "-re", "-i", file, "-c", "copy", "-f", "mpegts", "-"],
        {
          onOutput: (data) => response.write(data),
        },
      );
      response.writeHead(200, { "content-type": "video/mp2t" });
      request.on("close", () => void source.stop());
      void source.exit.then(() => response.end());
    });
  }

  test("SRT, calling", async (t) => {
    const port = await freePort();
    send(t, ts, "-f", "mpegts", `srt://127.0.0.1:${port}?mode=listener`);
    await watch(t, recipe("srt-caller", { "encoder.example:9000": `127.0.0.1:${port}` }));
  });

  test("SRT, listening", async (t) => {
    const port = await freePort();
    send(t, ts, "-f", "mpegts", `srt://127.0.0.1:${port}?mode=caller`);
    await watch(t, recipe("srt-listener", { "0.0.0.0:9000": `127.0.0.1:${port}` }));
  });

  test("MPEG-TS over UDP", async (t) => {
    const port = await freePort();
    send(t, ts, "-f", "mpegts", `udp://127.0.0.1:${port}?pkt_size=1316`);
    await watch(t, recipe("udp", { "0.0.0.0:5000": `127.0.0.1:${port}` }));
  });

  test("MPEG-TS over HTTP", async (t) => {
    const address = await serveTs(t, ts);
    await watch(t, recipe("http-ts", { "headend.example:8000": address }));
  });

  test("HLS", async (t) => {
    const list = join(dir, "index.m3u8");
    send(t, ts, "-f", "hls", "-hls_time", "1", "-hls_list_size", "5", "-hls_flags", "delete_segments", list);
    await waitFor(async () => (await readFile(list, "utf8")).includes("index2.ts"), { within: 30_000 });
    const address = await serve(t, (request, response) => {
      readFile(join(dir, (request.url ?? "").split("/").at(-1) ?? "")).then(
        (file) => response.end(file),
        () => response.writeHead(404).end(),
      );
    });
    await watch(t, recipe("hls", { "cdn.example:8000": address }));
  });

  test("a file, looped, is brought in real time and goes on after its end", async (t) => {
    const film = await make("film.mp4", 2, "libx264");
    const began = performance.now();
    await watch(t, recipe("file", { "/srv/media/film.mp4": film }));
    assert.ok(performance.now() - began >= ENOUGH - 2_100, "faster than it plays");
  });

  test("RTMP, made smaller", { skip: !hasNginxRtmp() && "not installed: nginx-rtmp" }, async (t) => {
    const nginx = await startNginxRtmp();
    t.after(() => nginx.stop());
    send(t, ts, "-bsf:a", "aac_adtstoasc", "-f", "flv", `${nginx.url}/cam`);
    await watch(t, recipe("transcode-rtmp", { "rtmp://source.example:1935/live/cam": `${nginx.url}/cam` }));
  });

  test("RTSP with G.711", { skip: gstRtspMissing() }, async (t) => {
    const launch =
      "( videotestsrc is-live=true ! video/x-raw,width=160,height=90,framerate=25/1 ! x264enc tune=zerolatency key-int-max=25 speed-preset=ultrafast ! rtph264pay name=pay0 pt=96 config-interval=1 audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay name=pay1 pt=8 )";
    const server = await startGstRtsp({ mounts: { "/stream1": launch } });
    t.after(() => server.stop());
    await watch(t, recipe("transcode-rtsp", { "camera.example:554": server.address }));
  });

  test("H.265, made H.264; a mere copy says why it cannot be", async (t) => {
    const uhd = await make("uhd.ts", 10, "libx265");
    const address = await serveTs(t, uhd);
    const command = recipe("h265", { "headend.example:8000": address });
    await watch(t, command);
    const { stdout } = await run("ffmpeg", ["-version"]);
    const [, major = "0", minor = "0"] = /version n?(\d+)\.(\d+)/.exec(stdout) ?? [];
    if (Number(major) * 100 + Number(minor) >= 601) return;
    const copy = `ffmpeg -v error -f mpegts -i http://${address}/uhd.ts -c copy -bsf:a aac_adtstoasc -f flv -`;
    const reason = (await runExecPull(t, copy).end) as HoldfastError;
    assert.equal(reason.code, "SOURCE_FAILED");
    const page = (await readFile("docs/ingest.md", "utf8")).replaceAll(/\s+/g, " ");
    const words = "Video codec hevc not compatible with flv";
    assert.ok(reason.message.includes(words) && page.includes(`\`${words}\``), reason.message);
  });

  test("what ffmpeg says of a source that is not there is told, without its password", async (t) => {
    const port = await freePort();
    const url = `rtmp://joe:s3sam3@127.0.0.1:${port}/live/cam?token=t0k3n`;
    const reason = (await runExecPull(t, `ffmpeg -v error -i ${url} -c copy -f flv -`).end) as HoldfastError;
    assert.equal(reason.code, "SOURCE_FAILED");
    assert.match(reason.message, /Connection refused/);
    assert.doesNotMatch(reason.message, /s3sam3|t0k3n|joe/);
    assert.match(reason.message, /rtmp:\/\/\*\*\*@127/);
  });

  test("every recipe of the page was tried", { skip: !hasNginxRtmp() || gstRtspMissing() }, () => {
    assert.deepEqual([...tried].sort(), [...recipes.keys()].sort());
  });
});
