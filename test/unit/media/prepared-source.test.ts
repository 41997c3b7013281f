import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { configSchema, type ConfigInput } from "../../../src/config/schema.ts";
import { HoldfastError } from "../../../src/domain/errors.ts";
import type { MediaPacket } from "../../../src/domain/ports/channel.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { MediaChannels } from "../../../src/media/channels.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { RecordingSubscriber } from "../../support/recording-subscriber.ts";
import { audioFrame, audioHeader, videoFrame, videoHeader } from "../../support/sample-media.ts";
import { metadata, sampleStream } from "../../support/sample-stream.ts";

function setUp(settings: ConfigInput = {}) {
  const clock = new ManualClock();
  const config = configSchema.parse({ fanout: { maxWindow: "0s" }, ...settings });
  const channels = new MediaChannels({ clock, config, log: pino({ level: "silent" }) });
  const channel = channels.open(parseStreamKey("live/test"));
  const player = new RecordingSubscriber();
  channel.subscribe(player);
  return { clock, channel, player };
}

const FPS = 25;
const FRAME_MS = 1_000 / FPS;

/** An encoder with a clock of its own: headers, then frames in real time, a keyframe every `gop`. */
class Encoder {
  readonly #mark: number;
  readonly #gop: number;
  #frames = 0;
  #start: number;
  readonly source;

  constructor(world: ReturnType<typeof setUp>, mark: number, { start = 0, gop = 25 } = {}) {
    this.#mark = mark;
    this.#start = start;
    this.#gop = gop;
    this.source = world.channel.prepare("publisher");
    this.source.write(metadata("avc1", "mp4a"));
    this.source.write({ type: "video", timestamp: 0, payload: videoHeader() });
    this.source.write({ type: "audio", timestamp: 0, payload: audioHeader() });
  }

  /** One picture, and the sound with it. */
  frame(): void {
    const timestamp = (this.#start + this.#frames * FRAME_MS) >>> 0;
    const key = this.#frames % this.#gop === 0;
    const payload = Buffer.concat([videoFrame({ key }), Buffer.of(this.#mark, this.#frames % 256)]);
    this.source.write({ type: "video", timestamp, payload });
    this.source.write({ type: "audio", timestamp, payload: audioFrame() });
    this.#frames++;
  }

  static async run(world: ReturnType<typeof setUp>, frames: number, ...encoders: Encoder[]): Promise<void> {
    for (let i = 0; i < frames; i++) {
      for (const encoder of encoders) encoder.frame();
      await world.clock.advance(FRAME_MS);
    }
  }
}

const pictures = (player: RecordingSubscriber) =>
  player.tags.filter(({ type, body }) => type === 9 && body[1] === 1);
const marks = (player: RecordingSubscriber) =>
  pictures(player).map(({ body }) => body[body.length - 2] as number);

function assertMonotonic(player: RecordingSubscriber): void {
  for (const type of [8, 9]) {
    const times = player.tags.filter((tag) => tag.type === type).map(({ timestamp }) => timestamp);
    for (let i = 1; i < times.length; i++)
      assert.ok((times[i] as number) >= (times[i - 1] as number), `${times[i - 1]} then ${times[i]}`);
  }
}

test("a source that stands by feeds nobody", async () => {
  const world = setUp();
  const one = new Encoder(world, 1);
  const two = new Encoder(world, 2);
  one.source.promote();
  await Encoder.run(world, 30, one, two);
  assert.deepEqual(new Set(marks(world.player)), new Set([1]));
  assert.deepEqual([one.source.live, two.source.live], [true, false]);
});

test("after a silence players go on with the kept group at once, and are no later than before", async () => {
  const world = setUp();
  const one = new Encoder(world, 1);
  const two = new Encoder(world, 2, { start: 4_000_000_000 });
  one.source.promote();
  await Encoder.run(world, 40, one, two);
  await Encoder.run(world, 70, two);
  const before = pictures(world.player).length;
  two.source.promote();
  await Promise.resolve();
  assert.equal(pictures(world.player)[before]?.body[0], 0x17, "a keyframe first");
  assert.equal(pictures(world.player).length, before + 10, "what came since the last keyframe, at once");
  await Encoder.run(world, 5, two);
  const got = pictures(world.player);
  // A player shows each timestamp so long after the first one: it must not wait for those that are to come.
  const elapsed = (got.at(-1)?.timestamp as number) - (got[0]?.timestamp as number);
  assert.ok(elapsed <= (40 + 70 + 5 - 1) * FRAME_MS, `timestamps run ahead of the clock: ${elapsed} ms`);
  assertMonotonic(world.player);
});

test("a live source gives way to one whose group has just begun, without a gap", async () => {
  const world = setUp();
  const one = new Encoder(world, 1);
  const two = new Encoder(world, 2, { start: 500, gop: 10 });
  let starts = 0;
  one.source.promote();
  two.source.onStart = () => {
    if (++starts === 3) two.source.promote();
  };
  await Encoder.run(world, 40, one, two);
  const list = marks(world.player);
  assert.equal(list.lastIndexOf(1) + 1, list.indexOf(2));
  const times = pictures(world.player).map(({ timestamp }) => timestamp);
  for (let i = 1; i < times.length; i++)
    assert.ok((times[i] as number) - (times[i - 1] as number) <= FRAME_MS + 1);
  assert.equal(one.source.live, false);
  assert.equal(one.source.closed.aborted, false, "it stands by again");
});

test("in the middle of a group players wait for the next keyframe rather than stay behind for good", async () => {
  const world = setUp();
  const one = new Encoder(world, 1);
  const two = new Encoder(world, 2);
  one.source.promote();
  await Encoder.run(world, 35, one, two);
  const before = pictures(world.player).length;
  two.source.promote();
  assert.equal(pictures(world.player).length, before);
  await Encoder.run(world, 14, two);
  assert.equal(pictures(world.player).length, before);
  await Encoder.run(world, 2, two);
  assert.deepEqual(new Set(marks(world.player).slice(before)), new Set([2]));
  assertMonotonic(world.player);
});

test("sources change places many times, headers first each time, and time never goes back", async () => {
  const world = setUp();
  const encoders = [new Encoder(world, 1), new Encoder(world, 2, { start: 90_000 })];
  for (let round = 0; round < 6; round++) {
    const before = world.player.tags.length;
    const encoder = encoders[round % 2] as Encoder;
    encoder.source.promote();
    await Encoder.run(world, 30, ...encoders);
    const types = world.player.tags.slice(before, before + 3).map(({ type }) => type);
    assert.deepEqual(types, [18, 9, 8], `round ${round}`);
    assert.equal(marks(world.player).at(-1), (round % 2) + 1);
  }
  assertMonotonic(world.player);
});

test("headers that change while it is live are those it enters with the next time", async () => {
  const world = setUp();
  const one = new Encoder(world, 1);
  const two = new Encoder(world, 2);
  one.source.promote();
  await Encoder.run(world, 5, one, two);
  const changed = Buffer.concat([videoHeader(), Buffer.of(9)]);
  one.source.write({ type: "video", timestamp: 0, payload: changed });
  two.source.promote();
  await Encoder.run(world, 30, one, two);
  const before = world.player.tags.length;
  one.source.promote();
  await Encoder.run(world, 30, one, two);
  assert.deepEqual(world.player.tags.slice(before)[1]?.body, changed);
});

test("what is kept is bounded in bytes and time", async () => {
  const heavy = setUp({ gop: { maxBytes: "100KB" } });
  const big = heavy.channel.prepare("publisher");
  const payload = Buffer.concat([videoFrame({ key: true }), Buffer.alloc(60_000)]);
  big.write({ type: "video", timestamp: 0, payload: videoHeader() });
  big.write({ type: "video", timestamp: 0, payload });
  const delta: MediaPacket = {
    type: "video",
    timestamp: 40,
    payload: Buffer.concat([videoFrame(), Buffer.alloc(60_000)]),
  };
  big.write(delta);
  big.promote();
  assert.equal(pictures(heavy.player).length, 0, "a group that outgrew the limit is not begun with");
  const long = setUp({ gop: { maxDuration: "1s" } });
  const endless = new Encoder(long, 1, { gop: 1_000 });
  await Encoder.run(long, 30, endless);
  endless.source.promote();
  assert.equal(pictures(long.player).length, 0);
});

test("without pictures any sound is a beginning", () => {
  const { channel } = setUp();
  const source = channel.prepare("publisher");
  let starts = 0;
  source.onStart = () => void starts++;
  source.write({ type: "audio", timestamp: 0, payload: audioHeader() });
  source.write({ type: "audio", timestamp: 0, payload: audioFrame() });
  source.write({ type: "audio", timestamp: 23, payload: audioFrame() });
  assert.equal(starts, 2);
  source.write({ type: "video", timestamp: 23, payload: videoFrame() });
  source.write({ type: "audio", timestamp: 46, payload: audioFrame() });
  assert.equal(starts, 2);
});

test("a relay takes the place of a live source, which stands by and may come back", async () => {
  const world = setUp();
  const one = new Encoder(world, 1);
  one.source.promote();
  await Encoder.run(world, 5, one);
  const relay = world.channel.attach("relay");
  assert.equal(one.source.live, false);
  for (const packet of sampleStream({ duration: 200, gop: 5 })) relay.write(packet);
  one.source.promote();
  assert.equal((relay.closed.reason as HoldfastError).code, "STREAM_TAKEN_OVER");
  await Encoder.run(world, 30, one);
  assert.equal(marks(world.player).at(-1), 1);
});

test("with the channel every source of it ends, and one that has left comes back no more", () => {
  const { channel } = setUp();
  const gone = channel.prepare("publisher");
  gone.detach();
  gone.promote();
  assert.equal(channel.source, undefined);
  const source = channel.prepare("publisher");
  channel.end(new HoldfastError("STREAM_ENDED"));
  assert.equal((source.closed.reason as HoldfastError).code, "STREAM_ENDED");
  source.promote();
  assert.equal(source.live, false);
});
