import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { HoldfastError } from "../../src/domain/errors.ts";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { classify } from "../../src/media/packet.ts";
import { flvHeader, flvTag } from "../support/flv-file.ts";
import { isInstalled, Program } from "../support/run-program.ts";
import { framesOf, runRtspPull } from "../support/run-rtsp-pull.ts";
import { GST_LOGIN, gstRtspMissing, startGstRtsp, type GstRtsp } from "../support/start-gst-rtsp.ts";

const skip = gstRtspMissing() || (!isInstalled("ffmpeg") && "not installed: ffmpeg");
const FRAMES = 75;
const STEP = 40;
const PICTURES = `videotestsrc pattern=ball num-buffers=${FRAMES} ! video/x-raw,width=320,height=240,framerate=25/1`;
const SOUND = "audiotestsrc wave=ticks num-buffers=130 ! audio/x-raw,rate=44100,channels=2";
const AAC = `${SOUND} ! avenc_aac ! rtpmp4gpay pt=97`;
const G711 = "audiotestsrc num-buffers=100 ! audio/x-raw,rate=8000,channels=1 ! mulawenc ! rtppcmupay pt=0";
const H264 = "x264enc key-int-max=25 threads=1";
const PLAIN = `${H264} bframes=0 ! video/x-h264,profile=baseline`;
const REORDERED = `${H264} bframes=2 b-adapt=false ! video/x-h264,profile=main`;
const SLICED = `${H264} bframes=3 option-string=slices=4 ! video/x-h264,profile=high`;
const H265 = "x265enc key-int-max=25 option-string=pools=none:frame-threads=1";
const MOUNTS = {
  "/plain": `( ${PICTURES} ! ${PLAIN} ! rtph264pay name=pay0 pt=96 ${AAC} name=pay1 )`,
  "/reordered": `( ${PICTURES} ! ${REORDERED} ! rtph264pay name=pay0 pt=96 aggregate-mode=max-stap ${AAC} name=pay1 )`,
  "/sliced": `( ${PICTURES} ! ${SLICED} ! rtph264pay name=pay0 pt=96 mtu=400 config-interval=-1 )`,
  "/hevc": `( ${PICTURES} ! ${H265} ! rtph265pay name=pay0 pt=96 mtu=900 )`,
  "/latm": `( ${SOUND} ! avenc_aac ! rtpmp4apay name=pay0 pt=96 )`,
  "/sound": `( ${AAC} name=pay0 )`,
  "/phone": `( ${G711} name=pay0 )`,
};

async function start(t: TestContext, login?: "basic" | "digest"): Promise<GstRtsp> {
  const server = await startGstRtsp({ mounts: MOUNTS, ...(login ? { login } : {}) });
  t.after(() => server.stop());
  return server;
}

/** Hashes of what ffmpeg makes of an input: of decoded pictures, or of sounds as they came. */
async function hashes(input: readonly string[], what: readonly string[]): Promise<string[]> {
  let text = "";
  const ffmpeg = new Program(
    "ffmpeg",
    "ffmpeg",
    ["-v", "error", "-nostdin", ...input, ...what, "-f", "framemd5", "-"],
    { onOutput: (data) => (text += data.toString("latin1")), timeoutMs: 60_000 },
  );
  const { code, stderr } = await ffmpeg.exit;
  assert.equal(code, 0, stderr);
  return text
    .split("\n")
    .flatMap((line) => (line.startsWith("0,") ? [line.split(",")[5]?.trim() ?? ""] : []));
}

const DECODED = ["-map", "0:v", "-fps_mode", "passthrough"];
const COPIED = ["-map", "0:a", "-c", "copy"];

async function withFile<T>(name: string, use: (file: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), "holdfast-rtsp-"));
  try {
    return await use(join(dir, name));
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

function pulledHashes(packets: readonly MediaPacket[], what: readonly string[]): Promise<string[]> {
  const types = { audio: 8, video: 9, data: 18 } as const;
  const tags = packets.map(({ type, timestamp, payload }) =>
    flvTag({ type: types[type], timestamp, body: payload }),
  );
  return withFile("pulled.flv", async (file) => {
    await writeFile(file, Buffer.concat([flvHeader(), ...tags]));
    return hashes(["-i", file], what);
  });
}

/** Enhanced RTMP's `hvc1` as a byte stream, which ffmpeg 5 can read. */
function hevcBytes(packets: readonly MediaPacket[]): Buffer {
  const start = Buffer.from([0, 0, 0, 1]);
  return Buffer.concat(
    packets.flatMap((packet) => {
      const { role } = classify(packet);
      if (packet.type !== "video") return [];
      const nals =
        role === "header" ? setsOf(packet.payload.subarray(5)) : unitsOf(packet.payload.subarray(8), 4);
      return nals.flatMap((nal) => [start, nal]);
    }),
  );
}

/** The parameter sets of a decoder configuration record. [ISO 14496-15 §8.3.3.1.2] */
function setsOf(record: Buffer): Buffer[] {
  const sets: Buffer[] = [];
  let at = 23;
  for (let left = record[22] ?? 0; left > 0; left--) {
    assert.equal(record.readUInt16BE(at + 1), 1);
    const end = at + 5 + record.readUInt16BE(at + 3);
    sets.push(record.subarray(at + 5, end));
    at = end;
  }
  assert.equal(at, record.length);
  return sets;
}

/** Units behind their lengths. */
function unitsOf(data: Buffer, prefix: number): Buffer[] {
  const units: Buffer[] = [];
  for (let at = 0; at < data.length;) {
    const end = at + prefix + data.readUIntBE(at, prefix);
    units.push(data.subarray(at + prefix, end));
    at = end;
  }
  return units;
}

/** What an encoder makes: the same again, without RTSP. */
function encodedHashes(encoder: string, format: "h264" | "h265"): Promise<string[]> {
  const stream = `video/x-${format}`;
  return withFile(`encoded.${format}`, async (file) => {
    const pipeline = `${PICTURES} ! ${encoder} ! ${format}parse ! ${stream},stream-format=byte-stream ! filesink location=${file}`;
    const { code, stderr } = await new Program("gst-launch", "gst-launch-1.0", ["-q", ...pipeline.split(" ")])
      .exit;
    assert.equal(code, 0, stderr);
    return hashes(["-i", file], DECODED);
  });
}

/** The sounds that ffmpeg gets from the same server. */
function heardHashes(url: string): Promise<string[]> {
  return hashes(["-rtsp_transport", "tcp", "-i", url], COPIED);
}

/** Times of pictures: each presented once, 40 ms apart; decoded in time, and never back. */
function checkTimes(packets: readonly MediaPacket[]): void {
  const frames = framesOf(packets, "video");
  const shown = frames.map(({ pts }) => pts).toSorted((a, b) => a - b);
  const first = shown[0] as number;
  assert.deepEqual(
    shown.map((pts) => pts - first),
    shown.map((_, index) => index * STEP),
  );
  for (const [index, { dts, pts }] of frames.entries()) {
    assert.ok(dts <= pts, `frame ${index} is decoded at ${dts}, shown at ${pts}`);
    if (index > 0) assert.ok(dts > (frames[index - 1] as (typeof frames)[0]).dts, `frame ${index} goes back`);
  }
}

for (const [path, encoder, reordered] of [
  ["/plain", PLAIN, false],
  ["/reordered", REORDERED, true],
] as const) {
  void test(`H.264 and AAC of GStreamer arrive bit by bit: ${path}`, { skip }, async (t) => {
    const server = await start(t);
    const url = `rtsp://${server.address}${path}`;
    const pull = runRtspPull(t, url);
    assert.equal(await pull.end, undefined);
    assert.equal(pull.opened, 1);
    checkTimes(pull.packets);
    const frames = framesOf(pull.packets, "video");
    assert.equal(frames.length, FRAMES);
    assert.equal(frames.filter(({ info }) => info.keyframe).length, 3);
    assert.equal(
      frames.some(({ dts, pts }) => pts > dts),
      reordered,
    );
    assert.deepEqual(await pulledHashes(pull.packets, DECODED), await encodedHashes(encoder, "h264"));
    assert.deepEqual(await pulledHashes(pull.packets, COPIED), await heardHashes(url));
    assert.equal(pull.budgets.all.taken, 0);
  });
}

void test("pictures of several slices, in small packets, with Digest", { skip }, async (t) => {
  const server = await start(t, "digest");
  const url = `rtsp://${GST_LOGIN}@${server.address}/sliced`;
  const pull = runRtspPull(t, url);
  assert.equal(await pull.end, undefined);
  checkTimes(pull.packets);
  assert.equal(framesOf(pull.packets, "video").length, FRAMES);
  assert.deepEqual(await pulledHashes(pull.packets, DECODED), await encodedHashes(SLICED, "h264"));
});

void test("H.265 arrives, with Basic", { skip }, async (t) => {
  const server = await start(t, "basic");
  const pull = runRtspPull(t, `rtsp://${GST_LOGIN}@${server.address}/hevc`);
  assert.equal(await pull.end, undefined);
  checkTimes(pull.packets);
  const frames = framesOf(pull.packets, "video");
  assert.equal(frames.length, FRAMES);
  assert.equal(frames[0]?.info.tracks[0]?.codec, "hvc1");
  assert.equal(
    frames.some(({ dts, pts }) => pts > dts),
    true,
  );
  const decoded = await withFile("pulled.h265", async (file) => {
    await writeFile(file, hevcBytes(pull.packets));
    return hashes(["-i", file], DECODED);
  });
  assert.deepEqual(decoded, await encodedHashes(H265, "h265"));
});

void test("sound alone arrives", { skip }, async (t) => {
  const server = await start(t);
  const url = `rtsp://${server.address}/sound`;
  const pull = runRtspPull(t, url);
  assert.equal(await pull.end, undefined);
  assert.deepEqual(await pulledHashes(pull.packets, COPIED), await heardHashes(url));
});

void test(
  "what cannot be passed on, is not there or is locked is refused with reasons",
  { skip },
  async (t) => {
    const server = await start(t, "digest");
    const refusals = [
      [`${GST_LOGIN}@`, "/phone", "SOURCE_UNSUPPORTED", /only PCMU/],
      [`${GST_LOGIN}@`, "/latm", "SOURCE_UNSUPPORTED", /only MP4A-LATM/],
      [`${GST_LOGIN}@`, "/nothing", "SOURCE_REFUSED", /404 Not Found/],
      ["viewer:wrong@", "/plain", "SOURCE_REFUSED", /does not know this user/],
      ["", "/plain", "SOURCE_REFUSED", /asks for a user and a password/],
    ] as const;
    for (const [login, path, code, detail] of refusals) {
      const pull = runRtspPull(t, `rtsp://${login}${server.address}${path}`);
      const error = await pull.end;
      assert.ok(error instanceof HoldfastError);
      assert.equal(error.code, code, `${path}: ${error.message}`);
      assert.match(error.message, detail);
      assert.equal(pull.opened, 0);
    }
  },
);

void test("a pull that is given up is torn down, and the server forgets it", { skip }, async (t) => {
  const endless = `( ${PICTURES.replace(/num-buffers=\d+/, "is-live=true")} ! x264enc tune=zerolatency key-int-max=10 ! rtph264pay name=pay0 )`;
  const server = await startGstRtsp({ mounts: { "/endless": endless } });
  t.after(() => server.stop());
  const gone = new HoldfastError("STOPPING");
  const pull = runRtspPull(t, `rtsp://${server.address}/endless`, {
    onPacket: () => framesOf(pull.packets, "video").length === 20 && pull.abort(gone),
  });
  assert.equal(await pull.end, gone);
  assert.equal(framesOf(pull.packets, "video").length, 20);
});
