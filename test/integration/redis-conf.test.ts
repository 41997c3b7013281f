import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createLogger } from "../../src/ops/logger.ts";
import { createRedisRegistry } from "../../src/registry/redis-registry.ts";
import { startRedis } from "../support/start-redis.ts";

const FILE = join(import.meta.dirname, "../../config/redis.conf");
/** Where it listens and saves belongs to the container. */
const PLACE = new Set(["bind", "port", "dir"]);

test("a real Redis takes config/redis.conf, and the registry finds nothing to warn about", async (t) => {
  const directives = readFileSync(FILE, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.split(" "))
    .filter(([name = ""]) => !PLACE.has(name));
  assert.ok(directives.length >= 6);
  const args = directives.flatMap(([name, ...values]) => [
    `--${name}`,
    ...values.map((value) => (value === '""' ? "" : value)),
  ]);
  const redis = await startRedis({ args });
  t.after(() => redis.stop());
  const registry = createRedisRegistry({
    url: redis.url,
    prefix: "{conf}",
    commandTimeoutMs: 1_000,
    connectTimeoutMs: 2_000,
    log: createLogger({ level: "silent" }, {}),
  });
  t.after(() => registry.close());
  assert.deepEqual(await registry.connect(), []);
});
