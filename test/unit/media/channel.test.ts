import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { configSchema } from "../../../src/config/schema.ts";
import { HoldfastError } from "../../../src/domain/errors.ts";
import type { ChannelSource, MediaPacket } from "../../../src/domain/ports/channel.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { MediaChannels } from "../../../src/media/channels.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { unitsOf } from "../../support/media-units.ts";
import { RecordingSubscriber } from "../../support/recording-subscriber.ts";
import {
  audioFrame,
  audioHeader,
  multitrackVideo,
  videoFrame,
  videoHeader,
} from "../../support/sample-media.ts";
import { metadata, sampleStream, type SampleStream } from "../../support/sample-stream.ts";

const KEY = parseStreamKey("live/test");

function setUp() {
  const clock = new ManualClock();
  const config = configSchema.parse({ fanout: { maxWindow: "0s" } });
  const channels = new MediaChannels({ clock, config, log: pino({ level: "silent" }) });
  return { clock, channels, channel: channels.open(KEY) };
}

async function play(
  clock: ManualClock,
  source: ChannelSource,
  packets: readonly MediaPacket[],
): Promise<void> {
  let last: number | undefined;
  for (const packet of packets) {
    if (packet.timestamp > 0) {
      if (last !== undefined && packet.timestamp > last) await clock.advance(packet.timestamp - last);
      last = packet.timestamp;
    }
    source.write(packet);
  }
}
/** What was written in one go reaches players when it is over. */
const writeAll = async (source: ChannelSource, packets: readonly MediaPacket[]): Promise<void> => {
  for (const packet of packets) source.write(packet);
  await Promise.resolve();
};
const stream = (options: SampleStream = {}): MediaPacket[] =>
  sampleStream({ duration: 500, gop: 5, ...options });
const framesOf = (packets: readonly MediaPacket[]) =>
  packets
    .filter(({ payload }) => payload[1] !== 0 && payload[0] !== 2)
    .map(({ payload }) => payload.toString("hex"));
const received = (player: RecordingSubscriber) =>
  framesOf(
    player.tags.map(({ type, timestamp, body }) => ({
      type: type === 8 ? "audio" : type === 9 ? "video" : "data",
      timestamp,
      payload: body,
    })),
  );

test("a player that is there first gets metadata, headers and every frame, unchanged and in order", async () => {
  for (const form of ["flv", "rtmp"] as const) {
    const { channel } = setUp();
    const player = new RecordingSubscriber(form);
    channel.subscribe(player);
    const packets = stream();
    await writeAll(channel.attach("publisher"), packets);
    const types = { audio: 8, video: 9, data: 18 };
    assert.deepEqual(
      player.tags.map(({ type, body }) => [type, body.toString("hex")]),
      packets.map(({ type, payload }) => [types[type], payload.toString("hex")]),
    );
    assert.deepEqual(
      player.tags.slice(0, 5).map(({ timestamp }) => timestamp),
      [0, 0, 0, 0, 0],
    );
    assert.equal(player.tags.at(-1)?.timestamp, packets.at(-1)?.timestamp);
  }
});

test("a player that joins late begins with the last keyframe, and misses nothing after it", async () => {
  const { channel } = setUp();
  const source = channel.attach("publisher");
  const packets = stream();
  await writeAll(source, packets.slice(0, 30));
  const player = new RecordingSubscriber();
  channel.subscribe(player);
  await writeAll(source, packets.slice(30));
  const lastKey = packets
    .slice(0, 30)
    .findLastIndex(({ type, payload }) => type === "video" && payload[0] === 0x17);
  assert.ok(lastKey > 5);
  assert.deepEqual(received(player), framesOf(packets.slice(lastKey)));
  assert.deepEqual(
    player.tags.slice(0, 3).map(({ type }) => type),
    [18, 9, 8],
  );
  assert.equal(player.tags[0]?.timestamp, 0, "FFmpeg takes metadata with any other time for a subtitle");
  const times = new Set(player.tags.slice(1, 4).map(({ timestamp }) => timestamp));
  assert.equal(times.size, 1, "the headers carry the keyframe's time");
});

test("a newer source takes the channel over; the older one hears of it and cannot write any more", async () => {
  const { channel } = setUp();
  const first = channel.attach("publisher");
  await writeAll(first, stream());
  const player = new RecordingSubscriber();
  channel.subscribe(player);
  const before = player.tags.length;
  const second = channel.attach("relay");
  assert.equal((first.closed.reason as HoldfastError).code, "STREAM_TAKEN_OVER");
  assert.equal(second.closed.aborted, false);
  assert.equal(channel.source, "relay");
  assert.equal(channel.ready, false);
  await writeAll(first, stream());
  first.detach();
  assert.equal(player.tags.length, before);
  assert.equal(channel.source, "relay");
});

test("a new source enters at its keyframe, headers first, where the channel would be by then", async () => {
  const { clock, channel } = setUp();
  const player = new RecordingSubscriber();
  channel.subscribe(player);
  const first = channel.attach("publisher");
  const packets = stream({ start: 1_000 });
  await play(clock, first, packets);
  first.detach();
  assert.equal(channel.source, undefined);
  assert.equal(channel.ready, false);
  await clock.advance(3_000);
  const before = player.tags.length;
  const last = player.tags.at(-1)?.timestamp as number;

  const second = channel.attach("publisher");
  const next = stream({ start: 77_777, number: 1_000 });
  const secondKey = next.findLastIndex(({ type, payload }) => type === "video" && payload[0] === 0x17);
  const midGroup = [...next.slice(0, 3), ...next.slice(4)];
  await writeAll(second, midGroup);
  const got = player.tags.slice(before);
  assert.deepEqual(
    got.slice(0, 3).map(({ type }) => type),
    [18, 9, 8],
    "headers first",
  );
  assert.equal(got[3]?.body[0], 0x17);
  const keys = midGroup.filter(
    ({ type, payload }) => type === "video" && payload[0] === 0x17 && payload[1] === 1,
  );
  assert.deepEqual(got[3]?.body, keys[0]?.payload, "what came before its keyframe is dropped");
  assert.ok(secondKey > 0);
  const gap = (got[3]?.timestamp ?? 0) - last;
  assert.ok(gap >= 1_000 && gap <= 1_001 + 21, `a gap of ${gap} ms`);
  const units = unitsOf(got);
  const sent = unitsOf(
    midGroup.map(({ type, timestamp, payload }) => ({
      type: type === "audio" ? 8 : type === "video" ? 9 : 18,
      timestamp,
      body: payload,
    })),
  );
  const offsets = new Set(
    units.map((unit) => unit.dts - (sent.find(({ hash }) => hash === unit.hash)?.dts as number)),
  );
  assert.equal(offsets.size, 1, "audio and video by the same offset");
});

test("who joins while there is no source waits for the next one", async () => {
  const { channel } = setUp();
  const first = channel.attach("publisher");
  await writeAll(first, stream({ video: "avc1" }));
  first.detach();
  const player = new RecordingSubscriber();
  channel.subscribe(player);
  assert.equal(player.writes.length, 0);
  const packets = stream({ video: "hvc1" });
  await writeAll(channel.attach("publisher"), packets);
  assert.equal(player.tags.length, packets.length);
  assert.equal(channel.codecs, "hvc1,mp4a");
});

test("a channel is ready with its first keyframe, not with headers or sound", async () => {
  const { channel } = setUp();
  const ready = channel.whenReady(new AbortController().signal);
  const source = channel.attach("publisher");
  const packets = stream();
  const key = packets.findIndex(({ type, payload }) => type === "video" && payload[1] === 1);
  await writeAll(source, packets.slice(0, key));
  source.write({ type: "audio", timestamp: 0, payload: audioFrame() });
  assert.equal(channel.ready, false);
  source.write(packets[key] as MediaPacket);
  assert.equal(channel.ready, true);
  await ready;
  await channel.whenReady(new AbortController().signal);
});

test("waiting for a channel ends with the waiter's reason, or with the channel", async () => {
  const { channel } = setUp();
  const abort = new AbortController();
  const waiting = channel.whenReady(abort.signal);
  abort.abort(new HoldfastError("CLIENT_LEFT"));
  await assert.rejects(waiting, { code: "CLIENT_LEFT" });
  await assert.rejects(channel.whenReady(abort.signal), { code: "CLIENT_LEFT" });
  const other = channel.whenReady(new AbortController().signal);
  channel.end(new HoldfastError("STOPPING"));
  await assert.rejects(other, { code: "STREAM_ENDED" });
  await assert.rejects(channel.whenReady(new AbortController().signal), { code: "STREAM_ENDED" });
});

test("sound alone begins at once when metadata announces no video", async () => {
  const { channel } = setUp();
  const player = new RecordingSubscriber();
  channel.subscribe(player);
  const packets = stream({ video: false });
  await writeAll(channel.attach("publisher"), packets);
  assert.equal(player.tags.length, packets.length);
  assert.equal(channel.codecs, "mp4a");
  const late = new RecordingSubscriber();
  channel.subscribe(late);
  assert.ok(late.tags.length > 10, "and late players get some seconds of it");
  assert.deepEqual(
    late.tags.slice(0, 2).map(({ type }) => type),
    [18, 8],
  );
});

test("sound without metadata waits half a second for a picture", async () => {
  const { clock, channel } = setUp();
  const source = channel.attach("publisher");
  const packets = stream({ video: false, metadata: false, start: 1, duration: 2_000 });
  await play(clock, source, packets.slice(0, 20));
  assert.equal(channel.ready, false);
  await play(clock, source, packets.slice(20, 40));
  assert.equal(channel.ready, true);
});

test("sound waits three seconds for a picture that metadata promised, and not for ever", async () => {
  const { clock, channel } = setUp();
  const source = channel.attach("publisher");
  source.write(metadata("avc1", "mp4a"));
  source.write({ type: "video", timestamp: 0, payload: videoHeader() });
  const packets = stream({ video: false, metadata: false, start: 1, duration: 4_000 });
  await play(
    clock,
    source,
    packets.filter(({ timestamp }) => timestamp < 2_900),
  );
  assert.equal(channel.ready, false);
  await play(
    clock,
    source,
    packets.filter(({ timestamp }) => timestamp >= 2_900),
  );
  assert.equal(channel.ready, true);

  const player = new RecordingSubscriber();
  channel.subscribe(player);
  const before = player.tags.length;
  const picture = (timestamp: number, key = false): MediaPacket => ({
    type: "video",
    timestamp,
    payload: videoFrame({ key }),
  });
  await writeAll(source, [picture(4_000)]);
  assert.equal(player.tags.length, before, "no picture before a keyframe");
  await writeAll(source, [picture(4_040, true), picture(4_080)]);
  assert.equal(player.tags.length, before + 2);
});

test("every header of every track is kept for late players, the newest of each", async () => {
  const { channel } = setUp();
  const source = channel.attach("publisher");
  const old = videoHeader("hvc1", "enhanced");
  const colours = Buffer.concat([Buffer.from([0x94]), Buffer.from("hvc1"), Buffer.from([2, 0, 9])]);
  const second = multitrackVideo([{ id: 1, codec: "av01" }], "header");
  const both = multitrackVideo(
    [
      { id: 2, codec: "avc1" },
      { id: 3, codec: "avc1" },
    ],
    "header",
  );
  const layout = Buffer.concat([Buffer.from([0x94]), Buffer.from("Opus"), Buffer.from([1, 2])]);
  const opus = audioHeader("Opus");
  const newer = Buffer.concat([old, Buffer.from([1])]);
  const video = (payload: Buffer): MediaPacket => ({ type: "video", timestamp: 0, payload });
  const audio = (payload: Buffer): MediaPacket => ({ type: "audio", timestamp: 0, payload });
  await writeAll(source, [
    audio(layout),
    audio(opus),
    video(old),
    video(second),
    video(both),
    video(colours),
    video(newer),
  ]);
  source.write(video(videoFrame({ codec: "hvc1", key: true })));
  const player = new RecordingSubscriber();
  channel.subscribe(player);
  const expected = [second, both, newer, colours, opus, layout].map((payload) => payload.toString("hex"));
  assert.deepEqual(
    player.tags.slice(0, 6).map(({ body }) => body.toString("hex")),
    expected,
  );
  assert.equal(player.tags.length, 7);
  assert.equal(channel.codecs, "hvc1,av01,avc1,Opus");
});

test("players begin with keyframes of the first track, not of another one", () => {
  const { channel } = setUp();
  const source = channel.attach("publisher");
  const video = (payload: Buffer): MediaPacket => ({ type: "video", timestamp: 0, payload });
  source.write(video(videoHeader()));
  source.write(video(multitrackVideo([{ id: 1, codec: "avc1" }], "header")));
  source.write(video(multitrackVideo([{ id: 1, codec: "avc1" }], "key")));
  assert.equal(channel.ready, false);
  source.write(video(videoFrame({ key: true })));
  assert.equal(channel.ready, true);
});

test("codecs are told once they are known, and again when they change", async () => {
  const { channel } = setUp();
  const told: string[] = [];
  const stop = channel.onCodecs((codecs) => told.push(codecs));
  assert.equal(channel.codecs, "");
  await writeAll(channel.attach("publisher"), stream());
  await writeAll(channel.attach("publisher"), stream());
  await writeAll(channel.attach("publisher"), stream({ video: "av01", audio: "Opus" }));
  assert.deepEqual(told, ["avc1,mp4a", "av01,Opus"]);
  stop();
  await writeAll(channel.attach("publisher"), stream());
  assert.equal(told.length, 2);
});

test("players are counted, and the time of the last packet is known", async () => {
  const { clock, channel } = setUp();
  const counts: number[] = [];
  const stop = channel.onSubscribers((count) => counts.push(count));
  const one = channel.subscribe(new RecordingSubscriber());
  const two = channel.subscribe(new RecordingSubscriber("rtmp"));
  assert.equal(channel.subscribers, 2);
  one.close();
  one.close();
  stop();
  two.close();
  assert.deepEqual(counts, [1, 2, 1]);
  await clock.advance(500);
  const source = channel.attach("publisher");
  assert.equal(channel.lastPacketAt, 500);
  await clock.advance(100);
  source.write({ type: "audio", timestamp: 0, payload: audioFrame() });
  assert.equal(channel.lastPacketAt, 600);
});

test("the end of a channel reaches everybody once, and the next one is another channel", async () => {
  const { channels, channel } = setUp();
  const player = new RecordingSubscriber();
  channel.subscribe(player);
  const source = channel.attach("publisher");
  const reason = new HoldfastError("STREAM_ENDED");
  channel.end(reason);
  channel.end(new HoldfastError("STOPPING"));
  assert.equal(player.reason, reason);
  assert.equal(source.closed.reason, reason);
  assert.equal(channel.ended, true);
  assert.equal(channel.subscribers, 0);
  assert.throws(() => channel.subscribe(new RecordingSubscriber()), { code: "STREAM_ENDED" });
  const late = channel.attach("publisher");
  assert.equal(late.closed.aborted, true);
  await writeAll(late, stream());
  assert.equal(channels.get(KEY), undefined);
  const next = channels.open(KEY);
  assert.notEqual(next, channel);
  assert.equal(channels.open(KEY), next);
  assert.deepEqual(channels.all(), [next]);
});

test("a channel may end while its players are being written to", async () => {
  const { channel } = setUp();
  class Ender extends RecordingSubscriber {
    override write(batch: Buffer): void {
      super.write(batch);
      channel.end(new HoldfastError("STREAM_ENDED"));
    }
  }
  channel.subscribe(new Ender());
  const other = new RecordingSubscriber();
  channel.subscribe(other);
  await writeAll(channel.attach("publisher"), stream());
  assert.equal(other.reason?.code, "STREAM_ENDED");
});

test("empty packets and nonsense harm nobody", async () => {
  const { channel } = setUp();
  const player = new RecordingSubscriber();
  channel.subscribe(player);
  const source = channel.attach("publisher");
  for (const type of ["audio", "video", "data"] as const)
    for (const payload of [
      Buffer.alloc(0),
      Buffer.from([0x17]),
      Buffer.from([0x97, 255]),
      Buffer.from([0xff]),
    ])
      source.write({ type, timestamp: 5, payload });
  assert.equal(player.writes.length, 0);
  const packets = stream();
  await writeAll(source, packets);
  const nonsense = [Buffer.from([0x57, 1]), Buffer.alloc(0)];
  await writeAll(
    source,
    nonsense.map((payload) => ({ type: "video", timestamp: 500, payload })),
  );
  assert.equal(player.tags.length, packets.length + 1, "what is not understood is passed on");
});

test("sound that lags behind the new keyframe keeps its distance, and does not go back over the swap", async () => {
  const { clock, channel } = setUp();
  const player = new RecordingSubscriber();
  channel.subscribe(player);
  await play(clock, channel.attach("publisher"), stream());
  const last = player.tags.at(-1)?.timestamp ?? 0;
  const before = player.tags.length;
  const second = channel.attach("publisher");
  const sound = (timestamp: number, number: number): MediaPacket => ({
    type: "audio",
    timestamp,
    payload: audioFrame({ number }),
  });
  const key: MediaPacket = {
    type: "video",
    timestamp: 60_000,
    payload: videoFrame({ key: true, number: 900 }),
  };
  await writeAll(second, [sound(59_700, 900), key, sound(59_721, 901), sound(59_742, 902)]);
  const times = player.tags.slice(before).map(({ timestamp }) => timestamp);
  const [picture = 0, ...sounds] = times;
  assert.deepEqual(
    sounds.map((time) => picture - time),
    [279, 258],
    "the distance of the source",
  );
  assert.ok(
    sounds.every((time) => time > last),
    `${times.join(", ")} after ${last}`,
  );
});

test("when the video of a source stops, late players begin with its sound", async () => {
  const { clock, channel } = setUp();
  const source = channel.attach("publisher");
  await play(clock, source, stream());
  const alone = stream({ video: false, metadata: false, start: 500, duration: 40_000 }).slice(1);
  await play(clock, source, alone);
  const player = new RecordingSubscriber();
  channel.subscribe(player);
  assert.deepEqual(
    [...new Set(player.tags.map(({ type }) => type))],
    [18, 9, 8],
    "headers of both, then sound",
  );
  assert.ok(unitsOf(player.tags).length > 50);
});
