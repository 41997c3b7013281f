import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { HoldfastError } from "../../src/domain/errors.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { MediaChannels } from "../../src/media/channels.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { openGates } from "../support/fake-gates.ts";
import { isInstalled, Program, type ProgramExit } from "../support/run-program.ts";
import { startRtmp } from "../support/start-rtmp.ts";
import { waitFor } from "../support/wait.ts";

const WITHIN = { within: 30_000 };
let rtmp: Awaited<ReturnType<typeof startRtmp>>;
let channels: MediaChannels;
const programs: Program[] = [];

before(async () => {
  rtmp = await startRtmp({}, (config, log) => {
    channels = new MediaChannels({ clock: systemClock, config, log });
    return openGates(channels);
  });
});
after(() => rtmp.stop());
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.stop()));
  await waitFor(() => rtmp.server.sessionCount === 0, { what: "the end of all sessions" });
  for (const channel of channels.all()) channel.end(new HoldfastError("STREAM_ENDED"));
});

const url = (stream: string) => `rtmp://${rtmp.address}/${stream}`;

function run(name: string, args: readonly string[], onOutput?: (data: Buffer) => void): Program {
  const program = new Program(name, name, args, onOutput ? { onOutput } : {});
  programs.push(program);
  return program;
}

const PICTURE = "-f lavfi -i testsrc=size=128x72:rate=25 -f lavfi -i sine=frequency=440";
const CODING = "-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -c:a aac -f flv";

const publish = (stream: string, more = "") =>
  run("ffmpeg", [
    ...`-v error -nostdin -re ${PICTURE} ${more} ${CODING}`.split(" ").filter((word) => word !== ""),
    url(stream),
  ]);

async function live(stream: string): Promise<void> {
  const key = parseStreamKey(stream);
  await waitFor(() => channels.get(key)?.ready, { ...WITHIN, what: `${stream} being live` });
}

/** A player writes what it gets to standard output. */
interface PlayerProgram {
  readonly name: string;
  readonly file: string;
  readonly args: (url: string) => readonly string[];
}

const PLAYERS: readonly PlayerProgram[] = [
  {
    name: "ffmpeg",
    file: "ffmpeg",
    args: (from) => ["-v", "error", "-nostdin", "-i", from, "-c", "copy", "-f", "flv", "pipe:1"],
  },
  { name: "rtmpdump", file: "rtmpdump", args: (from) => ["-q", "-v", "-r", from, "-o", "-"] },
  {
    name: "rtmpdump with Flash's signed handshake",
    file: "rtmpdump",
    args: (from) => ["-q", "-v", "-w", "ab".repeat(32), "-x", "1024", "-r", from, "-o", "-"],
  },
  {
    name: "GStreamer's rtmp2src",
    file: "gst-launch-1.0",
    args: (from) => ["-q", "rtmp2src", `location=${from}`, "!", "fdsink", "fd=1"],
  },
];

interface Playing {
  readonly name: string;
  readonly program: Program;
  bytes(): number;
}

function play(player: PlayerProgram, stream: string): Playing {
  let bytes = 0;
  const program = run(player.file, player.args(url(stream)), (data) => (bytes += data.length));
  return { name: player.name, program, bytes: () => bytes };
}

const installed = PLAYERS.filter(({ file }) => isInstalled(file));

async function allEnd(playing: readonly Playing[], within: number): Promise<ProgramExit[]> {
  for (const { name, program } of playing)
    await waitFor(() => !program.running, { within, what: `the end of ${name}` });
  return Promise.all(playing.map(({ program }) => program.exit));
}

test("every player plays, and ends by itself when the encoder ends the stream in order", async () => {
  const encoder = publish("club/hall/cam");
  await live("club/hall/cam");
  const playing = installed.map((player) => play(player, "club/hall/cam?user=me"));
  for (const { name, bytes } of playing)
    await waitFor(() => bytes() > 60_000, { ...WITHIN, what: `media for ${name}` });
  // SIGINT lets ffmpeg send FCUnpublish and deleteStream.
  encoder.kill("SIGINT");
  await allEnd(playing, 10_000);
});

test("every player gives up at once when nobody publishes", async () => {
  const playing = installed.map((player) => play(player, "live/nobody"));
  for (const { ranMs } of await allEnd(playing, 10_000)) assert.ok(ranMs < 8_000, `${ranMs} ms`);
  for (const { bytes } of playing) assert.ok(bytes() < 1_000);
});

test("every player that follows no redirect ends at once when it gets one", async () => {
  const before = rtmp.gates.onPlay;
  rtmp.gates.onPlay = () => ({ kind: "redirect", address: rtmp.address, owner: "o2" });
  const asked = rtmp.gates.plays.length;
  const playing = installed.map((player) => play(player, "live/elsewhere"));
  await allEnd(playing, 10_000);
  assert.equal(rtmp.gates.plays.length - asked, installed.length);
  rtmp.gates.onPlay = before;
});

test("every player stays while the encoder is gone, and goes on with the next one", async () => {
  const first = publish("live/cam");
  await live("live/cam");
  const playing = installed.map((player) => play(player, "live/cam"));
  for (const { name, bytes } of playing)
    await waitFor(() => bytes() > 30_000, { ...WITHIN, what: `media for ${name}` });
  await first.stop();
  await waitFor(() => rtmp.server.sessionCount === installed.length);
  publish("live/cam");
  const had = playing.map(({ bytes }) => bytes());
  for (const [index, { name, program, bytes }] of playing.entries()) {
    await waitFor(() => bytes() > (had[index] ?? 0) + 30_000, { ...WITHIN, what: `more for ${name}` });
    assert.ok(program.running, `${name} stays`);
  }
});

test("an encoder whose stream is taken over ends, and the newcomer has it", async () => {
  const first = publish("live/cam");
  await live("live/cam");
  const second = publish("live/cam");
  const exit = await first.exit;
  assert.notEqual(exit.code, 0);
  assert.match(exit.stderr, /another publisher took the stream over|reset by peer|Broken pipe/i);
  assert.ok(second.running);
});

test("an encoder that is refused learns why", async () => {
  const before = rtmp.gates.onPublish;
  rtmp.gates.onPublish = () => {
    throw new HoldfastError("STREAM_INGESTED");
  };
  const exit = await publish("live/cam").exit;
  assert.equal(exit.code, 1);
  assert.match(exit.stderr, /the stream is fed by a configured ingest/);
  rtmp.gates.onPublish = before;
});

test("GStreamer's rtmp2sink publishes", { skip: !isInstalled("gst-launch-1.0") }, async () => {
  const pipeline =
    "videotestsrc is-live=true ! video/x-raw,width=128,height=72 ! x264enc tune=zerolatency key-int-max=25 ! flvmux streamable=true ! rtmp2sink";
  const sink = run("gst-launch-1.0", [...`-q ${pipeline}`.split(" "), `location=${url("live/gst")}`]);
  await live("live/gst");
  const ffmpeg = play(PLAYERS[0] as PlayerProgram, "live/gst");
  await waitFor(() => ffmpeg.bytes() > 5_000, { ...WITHIN, what: "media of rtmp2sink" });
  assert.ok(sink.running);
});
