import assert from "node:assert/strict";
import { test } from "node:test";
import { leaseOf, nextLeaseOf, PLANNER_LEASE, readyLeaseOf } from "../../../src/domain/ingest.ts";
import { parseIngestKey } from "../../../src/domain/ingest-key.ts";

for (const key of ["live/cam", "_live/cam", "live/cam:1", "live/next", "//cams.example/live/a", "a:next/b"])
  test(`${key} may be an ingest`, () => assert.equal(parseIngestKey(key), key));

for (const key of ["_why:live/cam", "live/cam:next", "live/cam:ready", "//cams.example/live/cam:next"])
  test(`${key} may not: another ingest has a key of this name`, () =>
    assert.throws(() => parseIngestKey(key), { code: "STREAM_NAME_INVALID", message: /_why: or end with/ }));

test("no two ingests have a lease of one name", () => {
  const streams = ["live/a", "live/a/next", "live/a:1", "live/next", "a:next/b"].map(parseIngestKey);
  const names = streams.flatMap((stream) => [leaseOf(stream), nextLeaseOf(stream), readyLeaseOf(stream)]);
  assert.equal(new Set([...names, PLANNER_LEASE]).size, 3 * streams.length + 1);
});
