import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import { HostileStage, mediaOf } from "../support/hostile-stage.ts";
import { sampleStream } from "../support/sample-stream.ts";
import { waitFor } from "../support/wait.ts";
import type { WireClient } from "../support/wire-client.ts";
import { media, settled } from "../support/wire-session.ts";

const PATIENCE = { within: 20_000 };
const HOUR = 3_600_000;
/** ms after a jump in which one track may wait for the other. */
const ADJUSTING = 100;
const TYPES = { audio: MESSAGE.audio, video: MESSAGE.video, data: MESSAGE.data } as const;

let stage: HostileStage;
before(async () => {
  stage = await HostileStage.open({ continuity: { hold: "30s" } });
});
after(() => stage.close());

/** So many ms of media, as numbered frames, from this timestamp on. */
const part = (start: number, number: number): MediaPacket[] =>
  sampleStream({ duration: 1_000, start, number });

function send(client: WireClient, packets: readonly MediaPacket[]): void {
  for (const { type, timestamp, payload } of packets) client.send(media(TYPES[type], payload, timestamp));
}

interface Row {
  readonly name: string;
  readonly first: number;
  readonly next: number;
  /** Another connection brings the second part. */
  readonly anew?: true;
}

const ROWS: readonly Row[] = [
  { name: "goes on", first: 0, next: 1_000 },
  { name: "wraps at 2^32", first: 2 ** 32 - 1_000, next: 0 },
  { name: "jumps an hour forward", first: 0, next: HOUR },
  { name: "jumps an hour back", first: HOUR, next: 0 },
  { name: "jumps to just below 2^32", first: 1_000_000, next: 2 ** 32 - 1_200 },
  { name: "jumps across 2^31", first: 2 ** 31 - 3_000, next: 2 ** 31 + HOUR },
  { name: "begins again at 0 on another connection", first: HOUR, next: 0, anew: true },
  {
    name: "begins again just below 2^32 on another connection",
    first: 1_000_000,
    next: 2 ** 32 - 500,
    anew: true,
  },
];

for (const [index, { name, first, next, anew }] of ROWS.entries())
  test(`a clock that ${name}: players see time go on, sound and picture by one offset`, async () => {
    const stream = `clock-${index}`;
    const parts = [part(first, 1), part(next, 1_001)] as const;
    let publisher = await stage.publishing(stream);
    send(publisher, parts[0]);
    await settled(publisher);
    const player = await stage.playing(stream);
    if (anew) {
      publisher.reset();
      publisher = await stage.publishing(stream);
    }
    send(publisher, parts[1]);
    const got = () => mediaOf(player);
    const last = parts[1].at(-1)?.payload as Buffer;
    await waitFor(() => got().some(({ payload }) => payload.equals(last)), {
      ...PATIENCE,
      what: "the last packet",
    });

    for (const type of [MESSAGE.audio, MESSAGE.video]) {
      const times = got()
        .filter((message) => message.type === type)
        .map(({ timestamp }) => timestamp);
      assert.deepEqual(
        times,
        times.toSorted((a, b) => a - b),
        "no track goes back",
      );
    }
    const sent = new Map(parts[1].map((packet) => [packet.payload.toString("hex"), packet]));
    const offsets = { audio: new Set<number>(), video: new Set<number>() };
    for (const { payload, timestamp } of got()) {
      const packet = sent.get(payload.toString("hex"));
      // Headers carry any time, and the first frames after a jump may wait for the other track's.
      if (
        !packet ||
        packet.type === "data" ||
        ((packet.timestamp - next) | 0) < ADJUSTING ||
        payload[1] === 0
      )
        continue;
      offsets[packet.type].add((timestamp - packet.timestamp) >>> 0);
    }
    assert.equal(offsets.video.size, 1, `offsets of the pictures: ${[...offsets.video].join(", ")}`);
    assert.deepEqual(offsets.audio, offsets.video);
    await stage.leave(publisher, player);
    await stage.undisturbed();
  });

test("a negative composition time reaches players as it was sent", async () => {
  const publisher = await stage.publishing("negative");
  const packets = part(0, 1).map((packet) => {
    if (packet.type !== "video" || packet.payload[1] !== 1) return packet;
    const payload = Buffer.from(packet.payload);
    payload.writeIntBE(-80, 2, 3);
    return { ...packet, payload };
  });
  send(publisher, packets);
  await settled(publisher);
  const player = await stage.playing("negative");
  const pictures = packets.filter(({ type }) => type === "video");
  await waitFor(
    () => mediaOf(player).filter(({ type }) => type === MESSAGE.video).length === pictures.length,
    PATIENCE,
  );
  const got = mediaOf(player).filter(({ type }) => type === MESSAGE.video);
  assert.deepEqual(
    got.map(({ payload }) => payload),
    pictures.map(({ payload }) => payload),
  );
  assert.equal(got.at(-1)?.payload.readIntBE(2, 3), -80);
  await stage.leave(publisher, player);
});
