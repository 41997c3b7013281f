import assert from "node:assert/strict";
import { test } from "node:test";
import { BacklogLimit } from "../../../src/media/fanout-limit.ts";

const LIMITS = { maxBacklog: 8_000_000, maxDelay: 10_000 };

/** The limit after `seconds` of a stream of so many bytes a second, in ten flushes a second. */
function after(seconds: number, bytesPerSecond: number, limit = new BacklogLimit(LIMITS), from = 0): number {
  let bytes = 0;
  for (let flush = 1; flush <= seconds * 10; flush++)
    bytes = limit.after(bytesPerSecond / 10, from + flush * 100);
  return bytes;
}

const rows: readonly [name: string, seconds: number, bytesPerSecond: number, expected: number][] = [
  ["a stream of 1 Mbps may be owed ten seconds", 60, 125_000, 1_262_500],
  ["a stream of 40 Mbps may be owed the bytes", 60, 5_000_000, 8_000_000],
  ["sound of 16 kbps may be owed the least", 60, 2_000, 65_536],
  ["a stream that has just begun may be owed what there was of it", 2, 125_000, 250_000],
];
for (const [name, seconds, bytesPerSecond, expected] of rows)
  test(`a player's limit: ${name}`, () => assert.equal(after(seconds, bytesPerSecond), expected));

test("a player's limit falls with the stream, and a gap leaves the least", () => {
  const limit = new BacklogLimit(LIMITS);
  after(30, 500_000, limit);
  assert.equal(after(11, 50_000, limit, 30_000), 505_000);
  assert.equal(limit.after(100, 100_000), 65_536);
});
