import assert from "node:assert/strict";
import { test } from "node:test";
import { redisCliLines } from "../../../../src/commands/fleet/redis-cli-lines.ts";

const forms: [string, string][] = [
  ["redis://127.0.0.1:7000", "redis-cli -p 7000"],
  ["redis://redis/3", "redis-cli -h redis -p 6379 -n 3"],
  ["rediss://fleet:secret@redis:6380", "redis-cli -h redis -p 6380 --tls --user fleet"],
  ["redis-cluster://a:7001,b:7002", "redis-cli -h a -p 7001 -c"],
];

for (const [url, begin] of forms) {
  test(`${begin} sees the registry at ${url}, without its password`, () => {
    const lines = redisCliLines(url, "{holdfast}", "live/test");
    assert.equal(lines.owner, `${begin} HGETALL '{holdfast}:stream:live/test'`);
    assert.ok(!Object.values(lines).join("").includes("secret"));
  });
}
