import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HoldfastError } from "../../../src/domain/errors.ts";
import type { Clock } from "../../../src/domain/ports/clock.ts";
import { Fanout, type FanoutSettings } from "../../../src/media/fanout.ts";
import { FanoutTotals } from "../../../src/media/fanout-totals.ts";
import { GroupMemory } from "../../../src/media/group-memory.ts";
import type { StreamMessage } from "../../../src/media/message.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { RecordingSubscriber } from "../../support/recording-subscriber.ts";

const SETTINGS: FanoutSettings = {
  maxWindow: 100,
  maxBacklog: 100_000,
  maxDelay: 60_000,
  dropAfter: 10_000,
  chunkSize: 65_536,
  gop: { maxBytes: 1_048_576, maxDuration: 30_000 },
  groups: new GroupMemory(1e9),
};
const HEADERS: StreamMessage[] = [{ type: 18, time: 0, payload: Buffer.from("meta"), header: true }];

function message(number: number, key = false, bytes = 8): StreamMessage {
  const payload = Buffer.alloc(bytes, 7);
  payload.writeUInt32BE(number, 0);
  return { type: 9, time: number * 10, payload, header: false, ...(key ? { startsWith: HEADERS } : {}) };
}

function setUp(settings: Partial<FanoutSettings> = {}, others = 0) {
  const clock = new ManualClock();
  const totals = Object.assign(new FanoutTotals(), { players: others });
  const counts: number[] = [];
  const fanout = new Fanout(clock, { ...SETTINGS, ...settings }, totals, () => counts.push(fanout.players));
  return { clock, totals, counts, fanout };
}

/** Numbers of the messages that a player got; its headers are checked to come first. */
function numbers(player: RecordingSubscriber): number[] {
  const { tags } = player;
  const frames = tags.filter(({ type }) => type === 9);
  if (tags.length > 0) assert.equal(tags[0]?.type, 18, "headers come first");
  return frames.map(({ body }) => body.readUInt32BE(0));
}

/** What is pushed without a window goes out when what runs now is over. */
const turn = (): Promise<void> => Promise.resolve();

test("with few players what is pushed in one go is written at once, in one write", async () => {
  const { fanout } = setUp();
  const player = new RecordingSubscriber();
  fanout.join(player);
  fanout.push(message(1, true));
  fanout.push(message(2));
  assert.equal(player.writes.length, 0);
  await turn();
  assert.equal(player.writes.length, 1);
  fanout.push(message(3));
  await turn();
  assert.equal(player.writes.length, 2);
  assert.deepEqual(numbers(player), [1, 2, 3]);
});

test("with many players a window of messages is one buffer, the same for all of a form", async () => {
  const { clock, fanout } = setUp();
  const flv = Array.from({ length: 150 }, () => new RecordingSubscriber("flv"));
  const rtmp = Array.from({ length: 150 }, () => new RecordingSubscriber("rtmp"));
  for (const player of [...flv, ...rtmp]) fanout.join(player);
  fanout.push(message(1, true));
  for (let number = 2; number <= 9; number++) {
    await clock.advance(10);
    fanout.push(message(number));
  }
  assert.equal(flv[0]?.writes.length, 0, "the window is still open");
  await clock.advance(20);
  for (const players of [flv, rtmp]) {
    const [batch] = players[0]?.writes ?? [];
    for (const player of players) {
      assert.equal(player.writes.length, 1);
      assert.equal(player.writes[0], batch, "the very same buffer");
    }
    assert.deepEqual(numbers(players[0] as RecordingSubscriber), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
});

test("players of other streams make the window longer, too", async () => {
  const { clock, fanout } = setUp({}, 1_999);
  const player = new RecordingSubscriber();
  fanout.join(player);
  fanout.push(message(1, true));
  await clock.advance(99);
  assert.equal(player.writes.length, 0);
  await clock.advance(1);
  assert.equal(player.writes.length, 1);
});

test("a fast source does not fill the memory within a window", () => {
  const { fanout } = setUp({ maxBacklog: 100_000_000 }, 5_000);
  const player = new RecordingSubscriber();
  fanout.join(player);
  for (let number = 0; number < 20; number++) fanout.push(message(number, number === 0, 200_000));
  assert.equal(player.writes.length, 3);
});

test("a storm of joins flushes nobody's window", async () => {
  const { clock, fanout } = setUp();
  const old = Array.from({ length: 300 }, () => new RecordingSubscriber());
  for (const player of old) fanout.join(player);
  fanout.push(message(1, true));
  await clock.advance(100);
  fanout.push(message(2));
  const storm = Array.from({ length: 300 }, () => new RecordingSubscriber("flv"));
  for (const player of storm) fanout.join(player);
  assert.equal(old[0]?.writes.length, 1, "the window is still open");
  const [first] = storm[0]?.writes ?? [];
  for (const player of storm) {
    assert.equal(player.writes.length, 1, "headers and group in one write");
    assert.equal(player.writes[0], first, "made once for all");
    assert.deepEqual(numbers(player), [1]);
  }
  await clock.advance(100);
  for (const player of [...old, ...storm]) assert.deepEqual(numbers(player), [1, 2]);
});

test("a window ends in time, even while joins and messages keep the timers waiting", () => {
  let now = 0;
  const clock: Clock = { wall: () => now, monotonic: () => now, after: () => () => undefined };
  const totals = Object.assign(new FanoutTotals(), { players: 5_000 });
  const fanout = new Fanout(clock, SETTINGS, totals, () => undefined);
  const player = new RecordingSubscriber();
  fanout.join(player);
  fanout.push(message(1, true));
  now = 99;
  fanout.join(new RecordingSubscriber());
  assert.equal(player.writes.length, 0);
  now = 100;
  const late = new RecordingSubscriber();
  fanout.join(late);
  assert.deepEqual(numbers(player), [1]);
  assert.deepEqual(numbers(late), [1], "it begins with what was flushed for the others");
  fanout.push(message(2));
  now = 250;
  fanout.push(message(3));
  for (const each of [player, late]) assert.deepEqual(numbers(each), [1, 2, 3]);
});

test("whoever joins when gets every message from a keyframe on, once, in order", async () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.constant("push" as const) },
    { weight: 1, arbitrary: fc.constant("key" as const) },
    { weight: 2, arbitrary: fc.constantFrom("join flv" as const, "join rtmp" as const) },
    { weight: 2, arbitrary: fc.constant("wait" as const) },
    { weight: 1, arbitrary: fc.constantFrom("leave" as const, "many" as const) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 80 }),
      fc.constantFrom(0, 700, 5_000),
      async (steps, others) => {
        const { clock, totals, fanout } = setUp({}, others);
        const players: {
          player: RecordingSubscriber;
          seat: ReturnType<Fanout["join"]>;
          leftAfter?: number;
        }[] = [];
        const keys: number[] = [];
        let number = 0;
        for (const what of steps) {
          if (what === "push" || what === "key") {
            number += 1;
            if (what === "key") keys.push(number);
            fanout.push(message(number, what === "key"));
          } else if (what === "wait") await clock.advance(37);
          else if (what === "many") totals.players = (totals.players + 1_500) % 4_000;
          else if (what === "leave") {
            const present = players.find(({ leftAfter }) => leftAfter === undefined);
            if (present && fanout.leave(present.seat)) present.leftAfter = number;
          } else {
            const player = new RecordingSubscriber(what === "join flv" ? "flv" : "rtmp");
            players.push({ player, seat: fanout.join(player) });
          }
        }
        fanout.flush();
        for (const { player, leftAfter } of players) {
          const got = numbers(player);
          const [first] = got;
          if (first === undefined) continue;
          assert.ok(keys.includes(first), `${first} is a keyframe`);
          assert.deepEqual(
            got,
            Array.from({ length: got.length }, (_, index) => first + index),
          );
          if (leftAfter === undefined) assert.equal(got.at(-1), number, "nothing is missing at the end");
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("a player that does not read is skipped, then given up; the others notice nothing", async () => {
  const { clock, counts, fanout, totals } = setUp();
  const stuck = new RecordingSubscriber();
  const reader = new RecordingSubscriber();
  fanout.join(stuck);
  fanout.join(reader);
  for (let number = 1; !stuck.reason && number < 2_000; number++) {
    fanout.push(message(number, number % 50 === 1, 2_000));
    stuck.backlog = stuck.writes.reduce((sum, { length }) => sum + length, 0);
    await clock.advance(100);
  }
  assert.equal(stuck.reason?.code, "SLOW_READER");
  assert.ok(stuck.backlog <= 100_000 + 2_100, `${stuck.backlog} bytes`);
  const got = numbers(reader);
  assert.deepEqual(
    got,
    Array.from({ length: got.length }, (_, index) => index + 1),
  );
  assert.equal(fanout.players, 1);
  assert.deepEqual(counts, [1, 2, 1]);
  assert.equal(totals.drops, 1);
  assert.equal(totals.flushes, reader.writes.length);
  assert.equal(totals.writes, reader.writes.length + stuck.writes.length);
  assert.equal(totals.skips, totals.flushes - stuck.writes.length - totals.drops);
  assert.equal(
    totals.bytes,
    [...reader.writes, ...stuck.writes].reduce((sum, { length }) => sum + length, 0),
  );
});

test("a player that reads again goes on with a keyframe", async () => {
  const { fanout } = setUp();
  const player = new RecordingSubscriber();
  fanout.join(player);
  for (let number = 1; number <= 100; number++) {
    player.backlog = number > 10 && number < 60 ? 100_001 : 0;
    fanout.push(message(number, number % 25 === 1));
    await turn();
  }
  const got = numbers(player);
  assert.deepEqual(got.slice(0, 10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assert.deepEqual(
    got.slice(10),
    Array.from({ length: 25 }, (_, index) => 76 + index),
  );
});

test("players may come and go while they are being written to", async () => {
  const { fanout } = setUp();
  const late = new RecordingSubscriber();
  class Restless extends RecordingSubscriber {
    override write(batch: Buffer): void {
      super.write(batch);
      if (this.writes.length === 1) fanout.join(late);
    }
  }
  const leaver = new RecordingSubscriber();
  fanout.join(new Restless());
  const seat = fanout.join(leaver);
  fanout.push(message(1, true));
  await turn();
  fanout.leave(seat);
  fanout.push(message(2));
  await turn();
  assert.deepEqual(numbers(late), [1, 2], "the message that made it join came once");
  assert.deepEqual(numbers(leaver), [1]);
});

test("a player whose write fails is let go, and the others get everything", async () => {
  const { fanout, totals } = setUp();
  class Broken extends RecordingSubscriber {
    override write(): void {
      throw new TypeError("no such socket");
    }
  }
  const broken = new Broken();
  const player = new RecordingSubscriber();
  fanout.join(broken);
  fanout.join(player);
  fanout.push(message(1, true));
  await turn();
  fanout.push(message(2));
  await turn();
  assert.equal(broken.reason?.code, "INTERNAL");
  assert.equal(totals.players, 1);
  const late = new Broken();
  fanout.join(late);
  assert.equal(late.reason?.code, "INTERNAL");
  assert.equal(totals.players, 1);
  assert.deepEqual(numbers(player), [1, 2]);
});

test("the end brings what was collected, then the reason, once", () => {
  const { fanout, totals } = setUp({}, 3_000);
  const player = new RecordingSubscriber();
  fanout.join(player);
  fanout.push(message(1, true));
  fanout.push(message(2));
  assert.equal(player.writes.length, 0);
  fanout.end(new HoldfastError("STREAM_ENDED"));
  assert.deepEqual(numbers(player), [1, 2]);
  assert.equal(player.reason?.code, "STREAM_ENDED");
  assert.equal(fanout.players, 0);
  assert.equal(totals.players, 3_000);
});
