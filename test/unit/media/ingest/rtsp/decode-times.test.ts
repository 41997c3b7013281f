import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DecodeTimes, type TimedFrame } from "../../../../../src/media/ingest/rtsp/decode-times.ts";

interface Timed {
  readonly pts: number;
  readonly dts: number;
}

function timed(shown: readonly number[], depth: number | undefined): Timed[] {
  const out: Timed[] = [];
  const times = new DecodeTimes<TimedFrame>(({ pts }, dts) => void out.push({ pts, dts }));
  times.restart(depth);
  for (const pts of shown) times.push({ pts });
  times.flush();
  return out;
}

/** Pictures of 40 ms in the order of decoding, reordered by no more than `depth`; a keyframe is shown first. */
const reordered = fc
  .record({
    depth: fc.integer({ min: 0, max: 4 }),
    picks: fc.array(fc.nat(4), { minLength: 1, maxLength: 60 }),
  })
  .map(({ depth, picks }) => {
    const order: number[] = [];
    const waiting = Array.from({ length: depth + 1 }, (_, at) => at);
    // A picture that was passed over by `depth` later ones comes next.
    const passed = new Map<number, number>();
    for (const pick of picks) {
      const due = waiting.findIndex((at) => (passed.get(at) ?? 0) >= depth);
      const index = due >= 0 ? due : pick % waiting.length;
      const [at = 0] = waiting.splice(index, 1);
      for (const earlier of waiting) if (earlier < at) passed.set(earlier, (passed.get(earlier) ?? 0) + 1);
      order.push(at);
      waiting.push(order.length + depth);
    }
    return { depth, shown: [0, ...order.map((at) => (at + 1) * 40)] };
  });

void test("decoding times grow, never exceed presentation, and lag by the depth only", () => {
  fc.assert(
    fc.property(reordered, ({ depth, shown }) => {
      const out = timed(shown, depth);
      assert.deepEqual(
        out.map(({ pts }) => pts),
        shown,
      );
      for (const [index, { dts, pts }] of out.entries()) {
        assert.ok(dts <= pts, `${dts} > ${pts}`);
        assert.ok(dts > (out[index - 1]?.dts ?? Number.NEGATIVE_INFINITY));
        if (index >= depth) assert.ok(pts - dts <= 40 * 2 * (depth + 1), `${pts - dts} behind`);
      }
    }),
  );
});

void test("without reordering pictures are decoded when they are shown, whatever the depth is known to be", () => {
  const shown = Array.from({ length: 20 }, (_, index) => 1_000 + index * 40);
  for (const depth of [0, undefined])
    assert.deepEqual(
      timed(shown, depth).map(({ dts }) => dts),
      shown,
    );
});

void test("a depth that nobody told is found in the first pictures", () => {
  const shown = [0, 160, 80, 40, 120, 320, 240, 200, 280, 480, 400, 360, 440];
  const [found, told] = [timed(shown, undefined), timed(shown, 2)];
  // The first ones lie before the first presentation, by a step that only the one who has looked ahead knows.
  assert.deepEqual(found.slice(2), told.slice(2));
  for (const { dts, pts } of found) assert.ok(dts <= pts);
});

void test("a depth that was told too small grows, and presentation stays right", () => {
  const shown = [0, 120, 40, 80, 240, 160, 200, 360, 280, 320];
  const out = timed(shown, 0);
  assert.deepEqual(
    out.map(({ pts }) => pts),
    shown,
  );
  for (const [index, { dts }] of out.entries()) assert.ok(dts > (out[index - 1]?.dts ?? -1_000));
  for (const { dts, pts } of out.slice(6)) assert.ok(dts <= pts, "in time again");
});

void test("pictures far apart are not held for long while the depth is not known", () => {
  const out: number[] = [];
  const times = new DecodeTimes<TimedFrame>(({ pts }) => void out.push(pts));
  times.restart(undefined);
  times.push({ pts: 0 });
  assert.deepEqual(out, []);
  times.push({ pts: 1_000 });
  assert.deepEqual(out, [0, 1_000]);
});
