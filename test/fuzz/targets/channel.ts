import fc from "fast-check";
import { configSchema } from "../../../src/config/schema.ts";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import type { ChannelSource, Subscription } from "../../../src/domain/ports/channel.ts";
import { classify } from "../../../src/media/packet.ts";
import { MediaChannels } from "../../../src/media/channels.ts";
import { sampleStream } from "../../support/sample-stream.ts";
import { RecordingSubscriber } from "../../support/recording-subscriber.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { regressions } from "../seeds.ts";
import { uint, uintBytes } from "./byte-arbitraries.ts";
import { FOURCC, seedPackets } from "./packet.ts";
import { QuickClock } from "./quick-clock.ts";
import { recordingLog } from "./recording-log.ts";

const config = configSchema.parse({ gop: { maxBytes: "64KB" } });
const KEY = parseStreamKey("live/cam");
const TYPES = ["audio", "video", "data"] as const;
const MOST_PLAYERS = 6;
/** Bytes of a step in front of its payload: what it is, a number, a length. */
const STEP_BYTES = 7;

interface Seat {
  readonly player: RecordingSubscriber;
  readonly subscription: Subscription;
}

/**
 * A life of a channel: packets with any timestamp, swaps of sources, players that come, stop reading and leave, and time
 * that passes. Each step: what (one byte), a number (four), the length of the payload (two), payload.
 */
function run(input: Buffer): void {
  const clock = new QuickClock();
  const { log } = recordingLog();
  const channels = new MediaChannels({ clock, config, log });
  const channel = channels.open(KEY);
  const seats: Seat[] = [];
  let source: ChannelSource = channel.attach("publisher");
  for (let at = 0; at + STEP_BYTES <= input.length && !channel.ended;) {
    const what = (input[at] as number) % 16;
    const number = input.readUInt32BE(at + 1);
    const end = Math.min(input.length, at + STEP_BYTES + input.readUInt16BE(at + 5));
    const payload = input.subarray(at + STEP_BYTES, end);
    at = end;
    const seat = seats[number % Math.max(1, seats.length)];
    if (what < 9)
      source.write({ type: TYPES[what % 3] as (typeof TYPES)[number], timestamp: number, payload });
    else if (what === 9) clock.advance(number % 20_000);
    else if (what === 10 && seats.length < MOST_PLAYERS) {
      const player = new RecordingSubscriber(number & 1 ? "rtmp" : "flv");
      seats.push({ player, subscription: channel.subscribe(player) });
    } else if (what === 11) source = channel.attach(number & 1 ? "relay" : "publisher");
    else if (what === 12) source.detach();
    else if (what === 13 && seat) seat.player.backlog = number % (64 << 20);
    else if (what === 14 && seat) seat.player.paused = !seat.player.paused;
    else if (what === 15 && number % 16 === 0) channel.end(new HoldfastError("STREAM_ENDED"));
    else if (what === 15) seat?.subscription.close();
  }
  clock.advance(60_000);
  must(channel.codecs.length <= 200, "the list of codecs grows without end");
  for (const { player } of seats) checkPlayer(player);
  for (const { subscription } of seats) subscription.close();
  must(channels.players === 0, "players are counted that are gone");
  channel.end(new HoldfastError("STREAM_ENDED"));
  must(channels.all().length === 0, "an ended channel is kept");
}

/** What a player got is whole, and its times never go back. */
function checkPlayer({ tags, form }: RecordingSubscriber): void {
  const last = new Map<number, number>();
  for (const { type, timestamp, body } of tags) {
    // Metadata is stamped 0, headers with the time of the picture that they stand before.
    const { role } = classify({
      type: type === 8 ? "audio" : type === 9 ? "video" : "data",
      timestamp,
      payload: body,
    });
    if (role !== "frame") continue;
    const before = last.get(type) ?? timestamp;
    must(((timestamp - before) | 0) >= 0, `${form}: ${type} goes back from ${before} to ${timestamp}`);
    last.set(type, timestamp);
  }
}

const step = (what: number, number: number, payload: Uint8Array = new Uint8Array(0)): Buffer =>
  Buffer.concat([Buffer.from([what]), uintBytes(4, number >>> 0), uintBytes(2, payload.length), payload]);

const streams = (["avc1", "hvc1"] as const).map((video) =>
  sampleStream({ video, duration: 400, gop: 4, every: 50 }),
);
const time = fc.constantFrom(0, 0, 1, 40, 900, 1_100, 20_000, 0x7fff_fff0, 0xffff_ffe0, 0xffff_fff8);
/** Some of a real stream, moved in time. */
const piece = fc
  .tuple(fc.constantFrom(...streams), time, fc.nat(20), fc.nat(24), fc.integer({ min: 0, max: 60 }))
  .map(([stream, shift, from, count, pace]) =>
    Buffer.concat(
      stream
        .slice(from, from + count)
        .flatMap(({ type, timestamp, payload }) => [
          step(TYPES.indexOf(type), timestamp + shift, payload),
          step(9, pace),
        ]),
    ),
  );
const deed = fc.tuple(
  fc.integer({ min: 9, max: 15 }),
  fc.oneof(
    fc.nat(9),
    uint(4).map((bytes) => Buffer.from(bytes).readUInt32BE(0)),
  ),
);

export const target: FuzzTarget = {
  name: "channel",
  codes: [],
  structure: fc
    .array(
      fc.oneof(
        piece,
        deed.map(([what, number]) => step(what, number)),
        fc.constant(step(10, 0)),
        fc.constant(step(10, 1)),
      ),
      {
        maxLength: 8,
      },
    )
    .map((parts) => Buffer.concat(parts)),
  seeds: [
    Buffer.concat([
      step(10, 0),
      step(10, 1),
      ...(streams[0] ?? []).map((one) => step(TYPES.indexOf(one.type), one.timestamp, one.payload)),
    ]),
    Buffer.concat([step(10, 0), step(10, 1), ...seedPackets().slice(0, 40).map((one, index) => step(TYPES.indexOf(one.type), 20 * index, one.payload.subarray(0, 300)))]), // prettier-ignore
    ...regressions("channel"),
  ],
  words: [...FOURCC, step(10, 0), step(10, 1), step(11, 0), step(9, 100)],
  mostBytes: 12_288,
  mostSteps: (bytes) => 1_000_000 + 8_000 * bytes,
  mostMemory: (bytes) => ({ largest: 1 << 20, total: (4 << 20) + 4_096 * bytes }),
  run,
};
