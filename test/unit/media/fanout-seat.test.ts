import assert from "node:assert/strict";
import { test } from "node:test";
import { Seat, type BatchOutline } from "../../../src/media/fanout-seat.ts";
import { RecordingSubscriber } from "../../support/recording-subscriber.ts";

const LIMITS = { dropAfter: 10_000 };
const MAX_BACKLOG = 1_000;
const FRAMES: BatchOutline = { bytes: 100, hasStart: false, headerBeforeStart: false, hasHeader: false };
const KEY: BatchOutline = { ...FRAMES, hasStart: true };
const NEW_HEADERS: BatchOutline = { ...KEY, headerBeforeStart: true, hasHeader: true };

function seated(joined = true) {
  const player = new RecordingSubscriber();
  const seat = new Seat(player, 0, LIMITS);
  if (joined) seat.begin(500);
  let now = 0;
  const offer = (batch: BatchOutline, backlog = 0, passed = 100) => {
    player.backlog = backlog;
    now += passed;
    return seat.portion(batch, now, MAX_BACKLOG);
  };
  return { player, seat, offer };
}

test("a player that keeps up gets everything", () => {
  const { offer } = seated();
  for (const backlog of [0, 400, 1_000]) assert.deepEqual(offer(FRAMES, backlog), { kind: "all" });
});

test("a player that joins before the first keyframe waits for it and gets the headers with it", () => {
  const { offer } = seated(false);
  assert.deepEqual(offer(FRAMES), { kind: "nothing" });
  assert.deepEqual(offer(KEY), { kind: "start", headers: true });
  assert.deepEqual(offer(KEY), { kind: "all" });
});

test("a player above its backlog skips to a keyframe, once it has read down to a quarter", () => {
  const { offer } = seated();
  offer(FRAMES);
  assert.deepEqual(offer(FRAMES, 1_001), { kind: "nothing" });
  assert.deepEqual(offer(FRAMES, 0), { kind: "nothing" }, "not in the middle of a group");
  assert.deepEqual(offer(KEY, 251), { kind: "nothing" }, "not before it has read enough");
  assert.deepEqual(offer(KEY, 250), { kind: "start", headers: false });
  assert.deepEqual(offer(FRAMES, 300), { kind: "all" });
});

test("a player that missed new headers gets them with the keyframe", () => {
  const { offer } = seated();
  offer(FRAMES);
  offer({ ...FRAMES, hasHeader: true }, 1_001);
  assert.deepEqual(offer(KEY), { kind: "start", headers: true });
  offer(KEY, 1_001);
  assert.deepEqual(offer(NEW_HEADERS), { kind: "start", headers: true });
});

test("the first write does not count until it was read", () => {
  const { offer } = seated();
  assert.deepEqual(offer(FRAMES, 1_500), { kind: "all" });
  assert.deepEqual(offer(FRAMES, 1_501), { kind: "nothing" });
  assert.deepEqual(offer(KEY, 100), { kind: "start", headers: false });
  assert.deepEqual(offer(FRAMES, 1_001), { kind: "nothing" });
});

test("a player that owes twice its backlog for too long is given up", () => {
  const { offer } = seated();
  offer(FRAMES);
  let withheld = 0;
  let now = 0;
  for (; now < 60_000; now += 100) {
    const portion = offer(FRAMES, 1_100);
    if (portion.kind === "drop") break;
    assert.deepEqual(portion, { kind: "nothing" });
    withheld += FRAMES.bytes;
  }
  assert.equal(now, 10_000 + 900, "nine batches until it owes too much, then ten seconds");
  assert.equal(withheld, 10_900);
});

test("a player that reads again in time is not given up", () => {
  const { offer } = seated();
  offer(FRAMES);
  for (let batch = 0; batch < 100; batch++) offer(FRAMES, 1_100);
  for (let batch = 0; batch < 500; batch++)
    assert.deepEqual(offer(FRAMES, 200), { kind: "nothing" }, "it waits for a keyframe: no fault of its own");
  assert.deepEqual(offer(KEY, 200), { kind: "start", headers: false });
});

test("a player that waits for its first keyframe is never given up", () => {
  const { offer } = seated(false);
  for (let batch = 0; batch < 1_000; batch++) assert.deepEqual(offer(FRAMES), { kind: "nothing" });
});

test("a paused player gets nothing, is never given up, and goes on at a keyframe", () => {
  const { player, offer } = seated();
  offer(FRAMES);
  player.paused = true;
  for (let batch = 0; batch < 1_000; batch++) assert.deepEqual(offer(KEY, 0), { kind: "nothing" });
  player.paused = false;
  assert.deepEqual(offer(FRAMES), { kind: "nothing" });
  assert.deepEqual(offer(KEY), { kind: "start", headers: false });
});
