import assert from "node:assert/strict";
import { test } from "node:test";
import type { Socket } from "node:net";
import { HoldfastError } from "../../src/domain/errors.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { FlvReader } from "../support/flv-file.ts";
import { unitsOf } from "../support/media-units.ts";
import { audioFrame, videoFrame } from "../support/sample-media.ts";
import { sampleStream } from "../support/sample-stream.ts";
import { startFlv, type TestFlv } from "../support/start-flv.ts";
import { waitFor } from "../support/wait.ts";

const FRAME_BYTES = 20_000;

function play(flv: TestFlv): Socket {
  const socket = flv.dial();
  socket.write("GET /slow/stream.flv HTTP/1.0\r\n\r\n");
  return socket;
}

/** A fast stream of large pictures, a keyframe every 25, until it is stopped. It pauses while `busy` says so. */
function flood(flv: TestFlv, busy: (sent: number) => boolean = () => false) {
  const channel = flv.channels.open(parseStreamKey("slow/stream"));
  const source = channel.attach("publisher");
  for (const packet of sampleStream({ duration: 1 })) source.write(packet);
  let number = 1;
  const timer = setInterval(() => {
    for (let burst = 0; burst < 4 && !busy(number); burst++, number++) {
      const payload = videoFrame({ key: number % 25 === 0, number: number + 10, bytes: FRAME_BYTES });
      source.write({ type: "video", timestamp: number * 40, payload });
      source.write({ type: "audio", timestamp: number * 40, payload: audioFrame({ number: number + 10 }) });
    }
  }, 4);
  return { channel, stop: () => clearInterval(timer), sent: () => number };
}

test("a hundred players that never read are given up with a reason; a reader among them loses nothing", async () => {
  const flv = await startFlv({ fanout: { maxBacklog: "256KB", dropAfter: "1s" } });
  try {
    const stuck = Array.from({ length: 100 }, () => play(flv).pause());
    const reader = new FlvReader();
    // No faster than the reader, whatever else this machine does: it must have no excuse.
    const seen = (): number => (reader.tags.at(-1)?.timestamp ?? 0) / 40;
    let joined = false;
    const { channel, stop } = flood(flv, (sent) => joined && sent - seen() > 6);
    const good = play(flv);
    let head = true;
    good.on("data", (data) => {
      joined = true;
      reader.push(head ? data.subarray(data.indexOf("\r\n\r\n") + 4) : data);
      head = false;
    });
    await waitFor(() => channel.subscribers === 101, { what: "all players" });
    const before = process.memoryUsage().rss;
    await waitFor(() => channel.subscribers === 1, {
      within: 30_000,
      what: "the stuck players to be given up",
    });
    const grown = (process.memoryUsage().rss - before) / 1_048_576;
    stop();
    // A player is let go first, and its connection is over a moment later.
    const ended = () => flv.lines.filter(({ msg }) => msg === "session ended");
    await waitFor(() => ended().length >= 100, { what: "a line for each of them" });
    assert.equal(ended().length, 100);
    assert.ok(ended().every(({ code }) => code === "SLOW_READER"));
    assert.ok(grown < 200, `memory grew by ${grown.toFixed(0)} MB`);
    await waitFor(() => stuck.every((socket) => socket.closed || socket.resume().closed));
    channel.end(new HoldfastError("STREAM_ENDED"));
    await waitFor(() => good.closed);
    const units = unitsOf(reader.tags).filter(({ track }) => track === "video");
    for (const [index, unit] of units.entries())
      if (index > 0) assert.equal(unit.dts - (units[index - 1]?.dts ?? 0), 40, "the reader lost a picture");
    assert.ok(units.length > 100);
  } finally {
    await flv.stop();
  }
});

test("a player that reads again after a pause goes on with a keyframe", async () => {
  const flv = await startFlv({ fanout: { maxBacklog: "256KB", dropAfter: "1m" } });
  try {
    const { channel, stop, sent } = flood(flv);
    const socket = play(flv).pause();
    await waitFor(() => channel.subscribers === 1);
    const enough = sent() + 1_500;
    await waitFor(() => sent() > enough, { within: 30_000, what: "much to skip" });
    const reader = new FlvReader();
    let head = true;
    socket.on("data", (data) => {
      reader.push(head ? data.subarray(data.indexOf("\r\n\r\n") + 4) : data);
      head = false;
    });
    socket.resume();
    const videos = () => unitsOf(reader.tags).filter(({ track }) => track === "video");
    const gaps = () =>
      videos().flatMap((unit, at, all) => (at > 0 && unit.dts - (all[at - 1]?.dts ?? 0) > 40 ? [at] : []));
    const gap = await waitFor(() => gaps()[0], { within: 30_000, what: "the gap" });
    const until = videos().length + 100;
    await waitFor(() => videos().length > until, { within: 30_000 });
    stop();
    assert.equal(videos()[gap]?.key, true, "the first picture after the gap is a keyframe");
    assert.equal(gaps().length, 1, "one gap, then nothing is missing");
  } finally {
    await flv.stop();
  }
});

test("a player that takes nothing at all is dropped when its time is over", async () => {
  const flv = await startFlv({ limits: { playerTimeout: "1s" }, fanout: { maxBacklog: "1GB" } });
  try {
    const { channel, stop } = flood(flv);
    const stuck = play(flv).pause();
    await waitFor(() => channel.subscribers === 1);
    const line = await waitFor(() => flv.lines.find(({ msg }) => msg === "session ended"), {
      within: 20_000,
    });
    stop();
    assert.equal(line["code"], "TIMED_OUT");
    assert.equal(channel.subscribers, 0);
    // A FIN would stay behind what it does not read. With a reset the kernel forgets what it still had to send.
    let read = 0;
    stuck.on("data", ({ length }) => (read += length)).resume();
    await waitFor(() => stuck.closed);
    assert.ok(read < 1_048_576, `${read} bytes were kept for it`);
  } finally {
    await flv.stop();
  }
});

test("a player of a silent stream is not dropped", async () => {
  const flv = await startFlv({ limits: { playerTimeout: "1s" } });
  try {
    const channel = flv.channels.open(parseStreamKey("slow/stream"));
    const source = channel.attach("publisher");
    for (const packet of sampleStream({ duration: 400 })) source.write(packet);
    const socket = play(flv).resume();
    await waitFor(() => channel.subscribers === 1);
    const began = performance.now();
    await waitFor(() => performance.now() - began > 2_500);
    assert.equal(channel.subscribers, 1);
    assert.equal(socket.closed, false);
  } finally {
    await flv.stop();
  }
});

test("stopping ends every player in order, a stuck one soon, and refuses new ones", async () => {
  const flv = await startFlv();
  const { channel, stop } = flood(flv);
  const reading = play(flv).resume();
  play(flv).pause();
  await waitFor(() => channel.subscribers === 2);
  let ended = false;
  reading.on("end", () => (ended = true));
  flv.handlers.stop();
  await waitFor(() => ended && channel.subscribers === 0, { within: 5_000 });
  stop();
  const late = play(flv);
  let answer = "";
  late.on("data", (data) => (answer += data.toString("latin1")));
  await waitFor(() => answer.includes("STOPPING"));
  assert.match(answer, /^HTTP\/1\.[01] 503 /);
  const began = performance.now();
  await flv.stop();
  assert.ok(performance.now() - began < 3_000);
});
