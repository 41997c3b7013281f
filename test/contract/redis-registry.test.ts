import { pino } from "pino";
import { Redis } from "ioredis";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { keysOf } from "../../src/registry/keys.ts";
import { createRedisRegistry } from "../../src/registry/redis-registry.ts";
import { startRedis } from "../support/start-redis.ts";
import type { TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";
import { registryContract } from "./registry.contract.ts";

let server: TestRedis | undefined;
let fleets = 0;

registryContract({
  name: "Redis",
  start: async () => {
    server = await startRedis();
  },
  stop: async () => server?.stop(),
  fleet: async () => {
    const url = server?.url ?? "";
    const prefix = `{fleet-${++fleets}}`;
    const admin = new Redis(url);
    const opened: Registry[] = [];
    return {
      open: async () => {
        const registry = createRedisRegistry({
          url,
          prefix,
          commandTimeoutMs: 2_000,
          connectTimeoutMs: 2_000,
          log: pino({ level: "silent" }),
        });
        opened.push(registry);
        await registry.connect();
        return registry;
      },
      advance: async (ms) => {
        const end = (await redisTime(admin)) + ms;
        await waitFor(async () => (await redisTime(admin)) >= end, { within: ms + 10_000 });
      },
      enableIngest: async (key) => void (await admin.hset(keysOf(prefix).ingest(key), "enabled", "1")),
      setLease: async (name, value) => void (await admin.set(`${prefix}:${name}`, value)),
      close: async () => {
        await Promise.all(opened.map((registry) => registry.close()));
        admin.disconnect();
      },
    };
  },
});

async function redisTime(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1_000 + Number(microseconds) / 1_000;
}
