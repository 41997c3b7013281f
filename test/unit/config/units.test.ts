import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../../src/config/units.ts";

test("durations are read in four units", () => {
  assert.deepEqual(
    ["5s", "500ms", "1.5s", "2 m", "1h", "0s"].map(parseDuration),
    [5_000, 500, 1_500, 120_000, 3_600_000, 0],
  );
  for (const wrong of ["5", "s", "-1s", "5 sec", "1e3s", "5S", "", "1s ", "1h30m", "١s"])
    assert.equal(parseDuration(wrong), undefined, wrong);
});

test("sizes are read in four units of 1024", () => {
  assert.deepEqual(
    ["1B", "64KB", "16MB", "1GB", "1.5KB"].map(parseSize),
    [1, 65_536, 16_777_216, 1_073_741_824, 1_536],
  );
  for (const wrong of ["16", "16M", "16mb", "-1B", "MB", ""])
    assert.equal(parseSize(wrong), undefined, wrong);
});

test("what is written is read back as the same", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (value) => {
      assert.equal(parseDuration(formatDuration(value)), value);
      assert.equal(parseSize(formatSize(value)), value);
    }),
  );
});
