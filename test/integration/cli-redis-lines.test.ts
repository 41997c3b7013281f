import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { redisCliLines } from "../../src/commands/fleet/redis-cli-lines.ts";
import { startRedis } from "../support/start-redis.ts";

test("the lines say what they promise, pasted into a shell", async () => {
  const redis = await startRedis();
  try {
    const lines = redisCliLines(redis.url, "{holdfast}", "live/test");
    const shell = (line: string) => execFileSync("/bin/sh", ["-c", line], { encoding: "utf8" }).trim();
    const cli = `redis-cli -p ${redis.port}`;
    shell(`${cli} HSET '{holdfast}:stream:live/test' origin o1 epoch 7`);
    shell(`${cli} SET '{holdfast}:origin:o1' x PX 60000`);
    shell(`${cli} XADD '{holdfast}:events' '*' type claimed`);
    assert.equal(shell(lines.owner), "origin\no1\nepoch\n7");
    assert.ok(Number(shell(lines.ownerLeft)) > 1_000);
    assert.ok(Number(shell(lines.sessionLeft("o1"))) > 1_000);
    assert.match(shell(lines.events), /type\nclaimed$/);
  } finally {
    await redis.stop();
  }
});
