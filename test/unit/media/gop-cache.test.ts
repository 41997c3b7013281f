import assert from "node:assert/strict";
import { test } from "node:test";
import { GopCache, type GopLimits } from "../../../src/media/gop-cache.ts";
import { GroupMemory } from "../../../src/media/group-memory.ts";
import type { StreamMessage } from "../../../src/media/message.ts";
import { Tape } from "../../../src/media/tape.ts";
import { RecordingSubscriber } from "../../support/recording-subscriber.ts";

const LIMITS = { maxBytes: 1_048_576, maxDuration: 30_000 };
const header = (text: string): StreamMessage => ({
  type: 9,
  time: 0,
  payload: Buffer.from(text),
  header: true,
});
/** A cache that is given messages as the fan-out gives them. */
class TestCache extends GopCache {
  readonly #tape = new Tape(65_536);
  constructor(limits: GopLimits, chunkSize: number, memory = new GroupMemory(1e9)) {
    super(limits, chunkSize, memory);
  }
  keep(...messages: readonly StreamMessage[]): void {
    for (const message of messages) this.add(this.#tape.append(message));
  }
}
const HEADERS = [header("one"), header("two")];

function picture(time: number, key = false, bytes = 100, headers = HEADERS): StreamMessage {
  const payload = Buffer.alloc(bytes, time & 255);
  return { type: 9, time, payload, header: false, ...(key ? { startsWith: headers } : {}) };
}
function sound(time: number, startable = false, bytes = 50): StreamMessage {
  const start = startable ? { startsWith: HEADERS } : {};
  return { type: 8, time, payload: Buffer.alloc(bytes, time & 255), header: false, ...start };
}
function read(cache: GopCache, form: "flv" | "rtmp" = "flv") {
  const player = new RecordingSubscriber(form);
  for (const bytes of cache.snapshot(form) ?? []) player.write(bytes);
  return player.tags.map(({ type, timestamp, body }) => [type, timestamp, body.toString("latin1")]);
}
const expected = (messages: readonly StreamMessage[], stamp?: number) =>
  messages.map(({ type, time, payload }) => [type, stamp ?? time, payload.toString("latin1")]);

test("who joins gets the headers, stamped with the keyframe's time, and all since the keyframe, in both forms", () => {
  const cache = new TestCache(LIMITS, 65_536);
  const old = [picture(0, true), sound(10), picture(40)];
  const now = [picture(90_000, true), sound(90_010), picture(90_040), picture(90_080)];
  for (const message of [...old, ...now]) cache.keep(message);
  const all = [...expected(HEADERS, 90_000), ...expected(now)];
  assert.deepEqual(read(cache, "flv"), all);
  assert.deepEqual(read(cache, "rtmp"), all);
});

test("nothing is kept before the first keyframe, and nothing after clear", () => {
  const cache = new TestCache(LIMITS, 65_536);
  cache.keep(picture(0));
  cache.keep(sound(0));
  assert.equal(cache.snapshot("flv"), undefined);
  cache.keep(picture(40, true));
  assert.equal(cache.length, 1);
  cache.clear();
  assert.equal(cache.snapshot("flv"), undefined);
  assert.equal(cache.bytes, 0);
});

test("a group over its bytes is dropped as a whole, and the next one is kept", () => {
  const cache = new TestCache({ ...LIMITS, maxBytes: 10_000 }, 65_536);
  cache.keep(picture(0, true, 5_000));
  cache.keep(picture(40, false, 4_000));
  assert.equal(cache.length, 2);
  cache.keep(picture(80, false, 1_000));
  assert.equal(cache.snapshot("flv"), undefined);
  cache.keep(picture(120, false, 10));
  assert.equal(cache.snapshot("flv"), undefined, "never in the middle of a group");
  cache.keep(picture(160, true, 10));
  assert.equal(cache.length, 1);
});

test("messages without bytes count, too", () => {
  const cache = new TestCache({ ...LIMITS, maxBytes: 10_000 }, 65_536);
  cache.keep(picture(0, true, 1));
  for (let index = 0; index < 1_000; index++) cache.keep(picture(0, false, 0));
  assert.equal(cache.snapshot("flv"), undefined);
});

test("a group over its time is dropped as a whole", () => {
  const cache = new TestCache({ ...LIMITS, maxDuration: 1_000 }, 65_536);
  cache.keep(picture(5_000, true));
  cache.keep(picture(6_000));
  assert.equal(cache.length, 2);
  cache.keep(picture(6_001));
  assert.equal(cache.snapshot("flv"), undefined);
});

test("a cache of 0 bytes keeps nothing", () => {
  const cache = new TestCache({ ...LIMITS, maxBytes: 0 }, 65_536);
  cache.keep(picture(0, true));
  assert.equal(cache.snapshot("flv"), undefined);
});

test("of caches that share a memory the largest is emptied when they are too large together", () => {
  const memory = new GroupMemory(10_000);
  const large = new TestCache(LIMITS, 65_536, memory);
  const small = new TestCache(LIMITS, 65_536, memory);
  large.keep(picture(0, true, 6_000));
  small.keep(picture(0, true, 3_000));
  assert.ok(large.snapshot("rtmp"));
  small.keep(picture(40, false, 2_000));
  assert.equal(large.snapshot("rtmp"), undefined);
  assert.equal(small.length, 2);
  large.keep(picture(40, false, 100));
  assert.equal(large.snapshot("rtmp"), undefined, "nobody begins in the middle of a group");
  large.keep(picture(80, true, 3_000));
  assert.equal(large.length, 1);
});

test("without video the last seconds are kept, from a message on that one can begin with", () => {
  const cache = new TestCache(LIMITS, 65_536);
  const all = Array.from({ length: 1_000 }, (_, index) => sound(index * 20, true));
  for (const message of all) cache.keep(message);
  const kept = cache.length;
  const first = all.length - kept;
  assert.ok(kept >= 100 && kept <= 130, `${kept} messages of 20 ms`);
  assert.deepEqual(read(cache), [...expected(HEADERS, all[first]?.time), ...expected(all.slice(first))]);
  assert.ok(cache.bytes < 130 * 400);
});

test("when video begins, the sound before it is forgotten", () => {
  const cache = new TestCache(LIMITS, 65_536);
  for (let at = 0; at < 500; at += 20) cache.keep(sound(at, true));
  cache.keep(picture(500, true));
  cache.keep(sound(510));
  assert.equal(cache.length, 2);
});

test("who joins later shares the bytes made before, but for the newest quarter megabyte", () => {
  const cache = new TestCache({ ...LIMITS, maxBytes: 16 * 1_048_576 }, 65_536);
  cache.keep(picture(0, true, 100_000));
  for (let at = 40; at < 800; at += 40) cache.keep(picture(at, false, 100_000));
  const before = cache.snapshot("rtmp") ?? [];
  assert.equal(cache.snapshot("rtmp")?.[0], before[0]);
  assert.equal(cache.snapshot("rtmp")?.at(-1), before.at(-1), "nothing changed, nothing is made anew");
  cache.keep(picture(800, false, 1_000));
  const after = cache.snapshot("rtmp") ?? [];
  const shared = after.filter((bytes) => before.includes(bytes));
  const own = after.filter((bytes) => !before.includes(bytes));
  assert.ok(shared.length >= before.length - 1);
  assert.ok(own.length <= 1 && (own[0]?.length ?? 0) <= 256 * 1_024 + 110_000);
});
