import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { rankOf } from "../../../src/domain/rank.ts";

const NOW = 1_800_000_000_000;

test("of two encoders the one that came first is before the other, or the one that came last", () => {
  assert.ok(rankOf(NOW, "first", "") < rankOf(NOW + 1, "first", ""));
  assert.ok(rankOf(NOW, "last", "") > rankOf(NOW + 1, "last", ""));
});

test("an encoder that calls itself the backup comes behind all that do not, whenever they came", () => {
  for (const prefer of ["first", "last"] as const)
    for (const other of ["first", "last"] as const) {
      assert.ok(rankOf(NOW, prefer, "key=1&backup=1") > rankOf(NOW - 1_000_000, other, ""));
      assert.ok(rankOf(NOW, prefer, "backup=1") > rankOf(NOW + 1_000_000, other, "backup=0&xbackup=1"));
    }
  assert.ok(rankOf(NOW, "first", "backup=1") < rankOf(NOW + 1, "first", "backup=1"));
});

test("a rank is a whole number, never 0, and survives being written down", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 8e12, noNaN: true }),
      fc.constantFrom("first" as const, "last" as const),
      fc.constantFrom("", "backup=1"),
      (at, prefer, query) => {
        const rank = rankOf(at, prefer, query);
        assert.ok(Number.isSafeInteger(rank) && rank !== 0);
        assert.match(String(rank), /^-?\d+$/);
        assert.equal(Number(String(rank)), rank);
      },
    ),
  );
});
