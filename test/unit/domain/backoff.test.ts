import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backoffMs } from "../../../src/domain/backoff.ts";

test("the pause doubles up to its limit, half of it by chance", () => {
  const range = { min: 100, max: 1_000 };
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5].map((attempt) => backoffMs(attempt, range, 1)),
    [100, 200, 400, 800, 1_000, 1_000],
  );
  assert.equal(backoffMs(0, range, 0), 50);
  assert.equal(backoffMs(9, range, 0), 500);
});

test("any number of failures gives a pause within the range", () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const ms = backoffMs(attempt, { min: 10, max: 5_000 }, random);
      assert.ok(ms >= 5 && ms <= 5_000, `${ms}`);
    }),
  );
});
