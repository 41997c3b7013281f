import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ReadPace } from "../../../src/media/read-pace.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function setUp(sources: number, maxWindow = 100) {
  const clock = new ManualClock();
  const pace = new ReadPace(clock, maxWindow);
  for (let count = 0; count < sources; count++) pace.enter();
  return { clock, pace };
}

const TABLE: readonly [sources: number, maxWindow: number, window: number][] = [
  [0, 100, 0],
  [20, 100, 0],
  [37, 100, 0],
  [38, 100, 10],
  [110, 100, 50],
  [200, 100, 100],
  [5_000, 100, 100],
  [110, 1_000, 500],
  [5_000, 0, 0],
];

for (const [sources, maxWindow, window] of TABLE)
  test(`${sources} sources wait ${window} of ${maxWindow} ms`, () => {
    assert.ok(Math.abs(setUp(sources, maxWindow).pace.window - window) < 1e-9);
  });

test("sources that leave give the others their time back", () => {
  const { pace } = setUp(200);
  for (let left = 0; left < 180; left++) pace.leave();
  assert.equal(pace.window, 0);
});

test("a source that sends much is read so often that no more than 32 KB collect, and is not left alone in a burst", () => {
  const { pace } = setUp(200);
  assert.equal(pace.pauseAfter(14_000, 100), 100);
  assert.equal(pace.pauseAfter(32_768, 50), 50);
  assert.equal(pace.pauseAfter(32_768, 9), 0, "shorter than timers are good for");
  assert.equal(pace.pauseAfter(32_769, 100), 0, "more may lie there");
  assert.equal(pace.pauseAfter(100, 0), 0, "more came at once");
});

test("no pause is longer than the window, or shorter than a timer unless it is none", () => {
  fc.assert(
    fc.property(fc.nat(400), fc.integer({ min: 1, max: 65_536 }), fc.nat(10_000), (sources, bytes, ms) => {
      const { pace } = setUp(sources);
      const pause = pace.pauseAfter(bytes, ms);
      assert.ok(pause === 0 || (pause >= 10 && pause <= pace.window));
      assert.ok(pause === 0 || (bytes / Math.max(ms, 1)) * pause <= 32_768 + 1e-6);
    }),
  );
});

test("those who are due at about the same time are asked in one round, each once", async () => {
  const { clock, pace } = setUp(200);
  const asked: string[] = [];
  pace.after(100, () => asked.push("first"));
  await clock.advance(3);
  pace.after(98, () => asked.push("second"));
  const cancel = pace.after(97, () => asked.push("gone"));
  pace.after(50, () => asked.push("early"));
  cancel();
  await clock.advance(47);
  assert.deepEqual(asked, ["early"]);
  await clock.advance(49);
  assert.deepEqual(asked, ["early"]);
  await clock.advance(1);
  assert.deepEqual(asked, ["early", "first", "second"]);
  await clock.advance(1_000);
  assert.equal(asked.length, 3);
});
