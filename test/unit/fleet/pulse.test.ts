import assert from "node:assert/strict";
import { test } from "node:test";
import { Pulse } from "../../../src/fleet/pulse.ts";

const STALL = 2_000;
const VIDEO = { type: "video", timestamp: 0, payload: Buffer.of(1) } as const;
const AUDIO = { type: "audio", timestamp: 0, payload: Buffer.of(1) } as const;
const DATA = { type: "data", timestamp: 0, payload: Buffer.of(1) } as const;

test("an encoder that has sent nothing yet does not beat, and is stalled when its time is over", () => {
  const pulse = new Pulse(STALL, 1_000);
  assert.deepEqual([pulse.beats(1_500), pulse.stalled(1_500), pulse.alive(1_500)], [false, false, false]);
  assert.equal(pulse.due, 3_000);
  assert.deepEqual([pulse.stalled(2_999), pulse.stalled(3_000)], [false, true]);
});

test("pictures are what counts, once there was one", () => {
  const pulse = new Pulse(STALL, 0);
  pulse.note(VIDEO, 100);
  for (let now = 200; now <= 3_000; now += 100) pulse.note(AUDIO, now);
  assert.equal(pulse.due, 2_100);
  assert.deepEqual([pulse.beats(3_000), pulse.alive(3_000)], [false, true], "sound is better than nothing");
  assert.equal(pulse.alive(5_000), false);
  pulse.note(VIDEO, 5_100);
  assert.ok(pulse.beats(5_100));
});

test("of an encoder without pictures the sound counts, and data never does", () => {
  const pulse = new Pulse(STALL, 0);
  pulse.note(DATA, 100);
  assert.equal(pulse.alive(100), false);
  pulse.note(AUDIO, 1_000);
  assert.ok(pulse.beats(2_999));
  pulse.note(DATA, 2_900);
  assert.ok(pulse.stalled(3_000));
  pulse.note({ ...VIDEO, payload: Buffer.alloc(0) }, 3_100);
  assert.ok(pulse.stalled(3_100), "an empty message is nothing");
});

test("steady is who has missed no beat for long enough; a miss begins it anew", () => {
  const pulse = new Pulse(STALL, 0);
  for (let now = 0; now <= 10_000; now += 500) pulse.note(VIDEO, now);
  assert.deepEqual([pulse.steady(10_000, 10_000), pulse.steady(10_000, 10_001)], [true, false]);
  assert.equal(pulse.steady(12_000, 10_000), false, "stalled");
  pulse.note(VIDEO, 12_000);
  assert.equal(pulse.steady(12_000, 1), false);
  pulse.note(VIDEO, 13_999);
  assert.ok(pulse.steady(13_999, 1_999));
});

test("who sends sound first and pictures later goes on being steady", () => {
  const pulse = new Pulse(STALL, 0);
  pulse.note(AUDIO, 0);
  pulse.note(AUDIO, 1_500);
  pulse.note(VIDEO, 3_000);
  assert.ok(pulse.steady(3_100, 3_000));
});
