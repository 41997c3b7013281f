import assert from "node:assert/strict";
import { test } from "node:test";
import { PullPace } from "../../../../src/media/ingest/pull-pace.ts";

type Type = "audio" | "video" | "data";

function paced() {
  let now = 5_000;
  const pace = new PullPace(() => now);
  const note = (timestamp: number, type: Type = "video"): void =>
    pace.note({ type, timestamp: timestamp >>> 0, payload: Buffer.alloc(0) });
  return {
    note,
    pass: (ms: number): void => void (now += ms),
    wait: () => pace.wait(),
    /** Take it as fast as it may be taken; returns the ms that it took. */
    play(from: number, to: number, step = 40, type: Type = "video"): number {
      const began = now;
      for (let at = from; at <= to; at += step) {
        note(at, type);
        now += pace.wait();
      }
      return now - began;
    },
  };
}

test("media may be two seconds ahead of the clock, and no more", () => {
  const { note, wait, pass } = paced();
  note(0);
  for (let at = 40; at <= 2_000; at += 40) note(at);
  assert.equal(wait(), 0);
  for (let at = 2_040; at <= 2_400; at += 40) note(at);
  assert.ok(Math.abs(wait() - 400) <= 2);
  pass(500);
  assert.equal(wait(), 0);
});

test("a file of an hour takes an hour, less two seconds", () => {
  const took = paced().play(0, 3_600_000);
  assert.ok(took > 3_596_000 && took <= 3_598_001, `${took}`);
});

test("a source in real time never waits, though its clock is a little fast", () => {
  const { note, pass, wait } = paced();
  for (let at = 0; at < 24 * 3_600_000; at += 1_000) {
    note(at);
    pass(999.9);
    assert.equal(wait(), 0);
  }
});

test("timestamps that jump ahead or back stall nothing", () => {
  const { play } = paced();
  play(0, 10_000);
  assert.ok(play(9_000_000, 9_010_000) <= 11_010);
  assert.ok(play(0, 10_000) <= 10_010);
});

test("timestamps may wrap", () => {
  const { play } = paced();
  const took = play(2 ** 32 - 5_000, 2 ** 32 + 5_000);
  assert.ok(took >= 7_990 && took <= 8_010, `${took}`);
});

test("after a pause of the source it may be two seconds ahead again, not the length of the pause", () => {
  const { play, pass } = paced();
  play(0, 10_000);
  pass(60_000);
  const took = play(10_040, 30_000);
  assert.ok(took >= 17_000 && took <= 18_010, `${took}`);
});

test("pictures with a gap between them count a second each", () => {
  const took = paced().play(0, 600_000, 10_000);
  assert.ok(took >= 57_000 && took <= 58_010, `${took}`);
});

test("picture and sound with clocks of their own are paced all the same", () => {
  const { note, wait } = paced();
  for (let at = 0; at <= 10_000; at += 40) {
    note(at, "video");
    note(at + 500_000, "audio");
  }
  assert.ok(Math.abs(wait() - 8_000) <= 3);
});

test("data sets no pace", () => {
  const { note, wait } = paced();
  for (let at = 0; at <= 60_000; at += 500) note(at, "data");
  assert.equal(wait(), 0);
});
