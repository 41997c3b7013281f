import assert from "node:assert/strict";
import { test } from "node:test";
import { maskUrl } from "../../../src/config/mask.ts";

const CASES: readonly (readonly [string, string])[] = [
  ["redis://localhost:6379/0", "redis://localhost:6379/0"],
  ["redis://:pass@localhost:6379", "redis://:********@localhost:6379"],
  ["rediss://me:pass@localhost", "rediss://me:********@localhost"],
  ["redis://pass@localhost", "redis://********@localhost"],
  ["redis://:p@ss/w:rd@localhost", "redis://:********@localhost"],
  [
    "redis-sentinel://:pass@one:26379,two:26379/main?sentinelPassword=pass&x=1",
    "redis-sentinel://:********@one:26379,two:26379/main?sentinelPassword=********&x=1",
  ],
  ["rtmp://host/app/cam?token=pass", "rtmp://host/app/cam?token=********"],
  ["no url", "no url"],
];

for (const [url, masked] of CASES) {
  test(`the secrets of ${url} are masked`, () => assert.equal(maskUrl(url), masked));
}
