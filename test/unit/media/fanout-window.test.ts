import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fanoutWindow } from "../../../src/media/fanout-window.ts";

const TABLE: readonly [own: number, all: number, maxWindow: number, window: number][] = [
  [0, 0, 100, 0],
  [1, 1, 100, 0],
  [20, 20, 100, 0],
  [21, 21, 100, 0],
  [22, 22, 100, 100 / 90],
  [110, 110, 100, 50],
  [200, 200, 100, 100],
  [5_000, 5_000, 100, 100],
  [1, 200, 100, 0],
  [1, 1_100, 100, 50],
  [1, 2_000, 100, 100],
  [110, 1_100, 100, 50],
  [200, 200, 0, 0],
  [200, 200, 1_000, 1_000],
];

for (const [own, all, maxWindow, window] of TABLE) {
  test(`${own} players of ${all} wait ${window.toFixed(1)} of ${maxWindow} ms`, () => {
    assert.ok(Math.abs(fanoutWindow({ own, all }, maxWindow) - window) < 1e-9);
  });
}

test("the window never shrinks as players come, makes no jump, and keeps to its limit", () => {
  fc.assert(
    fc.property(fc.nat(3_000), fc.nat(3_000), fc.nat(1_000), (own, others, maxWindow) => {
      const all = own + others;
      const window = fanoutWindow({ own, all }, maxWindow);
      const more = fanoutWindow({ own: own + 1, all: all + 1 }, maxWindow);
      assert.ok(window >= 0 && window <= maxWindow);
      assert.ok(more >= window);
      assert.ok(more - window <= Math.max(1, maxWindow / 90) + 1e-9);
    }),
  );
});
