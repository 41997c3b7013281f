import assert from "node:assert/strict";
import { test } from "node:test";
import type { MediaPacket } from "../../../src/domain/ports/channel.ts";
import { Feed } from "../../../src/media/feed.ts";
import type { StreamMessage } from "../../../src/media/message.ts";
import type { AmfValue } from "../../../src/media/rtmp/amf0.ts";
import { encodeAmf0 } from "../../../src/media/rtmp/amf0-encode.ts";
import { Timeline } from "../../../src/media/timeline.ts";
import {
  audioFrame,
  audioHeader,
  multitrackVideo,
  videoFrame,
  videoHeader,
} from "../../support/sample-media.ts";
import { metadata } from "../../support/sample-stream.ts";

/** A feed, and what came out of it by the name of what went in. */
function setUp(timeline = new Timeline()) {
  const out: StreamMessage[] = [];
  const names = new Map<string, string>();
  const feed = new Feed(timeline, (message) => out.push(message));
  let number = 0;
  const take = (
    name: string,
    type: MediaPacket["type"],
    payload: Buffer,
    timestamp: number,
    now = timestamp,
  ) => {
    names.set(payload.toString("hex"), name);
    feed.take({ type, timestamp, payload }, now);
  };
  return {
    feed,
    out,
    nameOf: ({ payload }: StreamMessage) => names.get(payload.toString("hex")) ?? "?",
    get names(): string[] {
      return out.map((message) => this.nameOf(message));
    },
    timeOf(name: string): number | undefined {
      return out.find((message) => this.nameOf(message) === name)?.time;
    },
    /** Names of what players can begin with. */
    get starts(): string[] {
      return out.filter(({ startsWith }) => startsWith).map((message) => this.nameOf(message));
    },
    headers: () => {
      take("video header", "video", videoHeader(), 0);
      take("audio header", "audio", audioHeader(), 0);
    },
    key: (name: string, at: number, cts = 0) =>
      take(name, "video", videoFrame({ key: true, number: ++number, cts }), at),
    inter: (name: string, at: number, cts = 0) =>
      take(name, "video", videoFrame({ number: ++number, cts }), at),
    sound: (name: string, at: number) => take(name, "audio", audioFrame({ number: ++number }), at),
    track: (name: string, id: number, what: "key" | "inter" | "header", at: number) =>
      take(name, "video", multitrackVideo([{ id, codec: "avc1", number: ++number }], what), at),
    data: (name: string, at: number, ...values: AmfValue[]) => take(name, "data", encodeAmf0(...values), at),
    take,
  };
}

test("video that was gone comes back with a keyframe: players that began with the sound could decode nothing else", () => {
  const stream = setUp();
  stream.headers();
  stream.key("key", 0);
  for (let at = 20; at <= 12_000; at += 500) stream.sound(`sound ${at}`, at);
  assert.ok(stream.starts.includes("sound 11520"), "players may begin with the sound");
  stream.inter("inter", 12_040);
  stream.sound("sound between", 12_050);
  stream.key("next key", 12_080);
  stream.inter("next inter", 12_120);
  assert.deepEqual(stream.names.slice(-4), ["sound 11520", "sound between", "next key", "next inter"]);
  assert.equal(stream.starts.at(-1), "next key");
});

test("video that was away for less goes on where it was", () => {
  const stream = setUp();
  stream.headers();
  stream.key("key", 0);
  for (let at = 20; at <= 9_000; at += 500) stream.sound(`sound ${at}`, at);
  stream.inter("inter", 9_040);
  assert.equal(stream.names.at(-1), "inter");
  assert.deepEqual(stream.starts, ["key"]);
});

test("single pictures far apart are passed on, even if no keyframe ever comes again", () => {
  const stream = setUp();
  stream.headers();
  stream.key("key", 0);
  for (let second = 1; second <= 100; second++) {
    stream.sound(`sound ${second}`, second * 1_000);
    if (second % 15 === 0) stream.inter(`inter ${second}`, second * 1_000 + 10);
  }
  const inters = stream.names.filter((name) => name.startsWith("inter"));
  assert.deepEqual(inters, ["inter 30", "inter 45", "inter 60", "inter 75", "inter 90"]);
  stream.key("late key", 101_000);
  stream.inter("after it", 101_040);
  assert.deepEqual(stream.names.slice(-2), ["late key", "after it"]);
});

test("a picture that is shown before the first keyframe is left out, and later ones are not", () => {
  const stream = setUp();
  stream.headers();
  stream.key("key", 1_000, 80);
  stream.inter("leading", 1_040, 0);
  stream.inter("leading, too", 1_080, -10);
  stream.inter("trailing", 1_120, 40);
  stream.inter("trailing, too", 1_160, -120);
  stream.key("next key", 1_200, 80);
  stream.inter("of an open group", 1_240, 0);
  const pictures = stream.names.filter((name) => !name.endsWith("header"));
  assert.deepEqual(pictures, ["key", "trailing", "trailing, too", "next key", "of an open group"]);
});

test("of several video tracks each begins with a keyframe of its own", () => {
  const stream = setUp();
  stream.headers();
  stream.track("header 1", 1, "header", 0);
  stream.track("1 inter", 1, "inter", 0);
  stream.key("0 key", 40);
  stream.track("1 inter, too", 1, "inter", 40);
  stream.inter("0 inter", 80);
  stream.track("1 key", 1, "key", 80);
  stream.inter("0 inter, too", 120);
  stream.track("1 inter after", 1, "inter", 120);
  const pictures = stream.names.filter((name) => !name.includes("header"));
  assert.deepEqual(pictures, ["0 key", "0 inter", "1 key", "0 inter, too", "1 inter after"]);
  assert.deepEqual(stream.starts, ["0 key"]);
});

test("keyframes of the same moment begin a group together, whatever order they come in", () => {
  const stream = setUp();
  stream.headers();
  stream.track("header 1", 1, "header", 0);
  stream.track("header 2", 2, "header", 0);
  for (const at of [0, 1_000]) {
    stream.track(`2 key ${at}`, 2, "key", at);
    stream.sound(`sound ${at}`, at);
    stream.track(`1 key ${at}`, 1, "key", at);
    stream.key(`0 key ${at}`, at);
    stream.track(`1 inter ${at}`, 1, "inter", at + 40);
  }
  const frames = stream.names.filter((name) => !name.includes("header"));
  assert.deepEqual(frames, [
    ...["0 key 0", "2 key 0", "1 key 0", "1 inter 0"],
    ...["sound 1000", "0 key 1000", "2 key 1000", "1 key 1000", "1 inter 1000"],
  ]);
  assert.deepEqual(stream.starts, ["0 key 0", "0 key 1000"]);
});

test("a keyframe of another track waits for nothing but its own moment", () => {
  const stream = setUp();
  stream.headers();
  stream.track("header 1", 1, "header", 0);
  stream.key("0 key", 0);
  stream.track("1 key", 1, "key", 500);
  stream.sound("sound", 510);
  stream.track("1 key again", 1, "key", 1_000);
  stream.track("1 inter", 1, "inter", 1_000);
  assert.deepEqual(stream.names.slice(-4), ["1 key", "sound", "1 key again", "1 inter"]);
});

test("when the first track is gone, players begin with the next one", () => {
  const stream = setUp();
  stream.headers();
  stream.track("header 1", 1, "header", 0);
  stream.key("0 key", 0);
  for (let at = 0; at <= 12_000; at += 1_000) {
    stream.track(`1 key ${at}`, 1, "key", at);
    stream.sound(`sound ${at}`, at + 10);
  }
  assert.deepEqual(stream.starts, ["0 key", "1 key 10000", "1 key 11000", "1 key 12000"]);
});

test("a track that ends makes way at once", () => {
  const stream = setUp();
  stream.headers();
  stream.track("header 1", 1, "header", 0);
  stream.key("0 key", 0);
  stream.take("0 end", "video", Buffer.from([0x17, 2, 0, 0, 0]), 900);
  stream.track("1 key", 1, "key", 1_000);
  assert.deepEqual(stream.starts, ["0 key", "1 key"]);
});

test("a track in another codec leaves no header of the old one behind", () => {
  const stream = setUp();
  const colours = Buffer.concat([Buffer.from([0x94]), Buffer.from("hvc1"), Buffer.from([2, 0, 9])]);
  stream.take("hevc header", "video", videoHeader("hvc1"), 0);
  stream.take("hevc colours", "video", colours, 0);
  stream.take("aac header", "audio", audioHeader("mp4a"), 0);
  stream.take("hevc key", "video", videoFrame({ codec: "hvc1", key: true }), 0);
  stream.take("mp3", "audio", audioFrame({ codec: ".mp3" }), 20);
  stream.take("avc header", "video", videoHeader("avc1"), 40);
  stream.take("avc key", "video", videoFrame({ key: true }), 40);
  const begins = (name: string) =>
    stream.out.find((message) => stream.nameOf(message) === name)?.startsWith?.map(stream.nameOf);
  assert.deepEqual(begins("hevc key"), ["hevc header", "hevc colours", "aac header"]);
  assert.deepEqual(begins("avc key"), ["avc header"]);
});

test("at a swap the new metadata goes first, and data keeps its place between the frames", () => {
  const timeline = new Timeline();
  const before = setUp(timeline);
  before.headers();
  before.key("key", 5_000);
  before.data("cue", 5_000, "onCuePoint", { name: "old" });
  const after = setUp(timeline);
  after.take("metadata", "data", metadata("avc1", "mp4a").payload, 0, 5_100);
  after.headers();
  after.data("too early", 70_000, "onCuePoint", { name: "early" });
  after.take("next key", "video", videoFrame({ key: true, number: 900 }), 70_000, 5_100);
  after.take("sound", "audio", audioFrame({ number: 901 }), 70_021, 5_121);
  after.data("next cue", 70_010, "onCuePoint", { name: "new" });
  after.data("caption", 70_021, "onTextData", { text: "hello" });
  assert.deepEqual(after.names, [
    ...["metadata", "video header", "audio header", "next key", "sound", "next cue", "caption"],
  ]);
  assert.equal(before.timeOf("cue"), 0);
  assert.equal(after.timeOf("next key"), 100);
  assert.equal(after.timeOf("next cue"), 110, "as far behind the keyframe as it was sent");
  assert.equal(after.timeOf("caption"), 121);
});

test("the first picture after a swap is shown when the last one was, not before", () => {
  const timeline = new Timeline();
  const before = setUp(timeline);
  before.headers();
  before.key("key", 0, 80);
  before.inter("shown last", 40, 120);
  before.inter("shown first", 80, 0);
  const after = setUp(timeline);
  after.headers();
  after.take("next key", "video", videoFrame({ key: true, number: 900 }), 1_000, 81);
  const end = (before.timeOf("shown last") as number) + 120 + 40;
  assert.equal(after.timeOf("next key"), end);
});
