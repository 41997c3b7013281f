import { pino } from "pino";
import type { Leases } from "../../src/domain/ports/leases.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { MemoryLeases } from "../../src/registry/memory-leases.ts";
import { MemoryStore } from "../../src/registry/memory-store.ts";
import { RedisLeases } from "../../src/registry/redis-leases.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";
import { leaseContract, type LeaseAdapter } from "./leases.contract.ts";

leaseContract({
  name: "memory",
  start: async () => undefined,
  stop: async () => undefined,
  world: async () => {
    const clock = new ManualClock();
    const store = new MemoryStore(clock);
    return {
      open: async () => new MemoryLeases(store),
      advance: (ms) => clock.advance(ms),
      close: async () => undefined,
    };
  },
});

for (const nodes of [1, 3]) leaseContract(redisAdapter(nodes));

function redisAdapter(nodes: number): LeaseAdapter {
  let servers: readonly TestRedis[] = [];
  let worlds = 0;
  return {
    name: nodes === 1 ? "one Redis" : `${nodes} Redis`,
    start: async () => {
      servers = await Promise.all(Array.from({ length: nodes }, () => startRedis()));
    },
    stop: async () => void (await Promise.all(servers.map((server) => server.stop()))),
    world: async () => {
      const prefix = `{world-${++worlds}}`;
      const opened: Leases[] = [];
      return {
        open: async () => {
          const leases = new RedisLeases({
            urls: servers.map(({ url }) => url),
            prefix,
            commandTimeoutMs: 2_000,
            connectTimeoutMs: 2_000,
            clock: systemClock,
            log: pino({ level: "silent" }),
          });
          opened.push(leases);
          await leases.connect();
          return leases;
        },
        // The servers run on this machine: their time is ours.
        advance: async (ms) => {
          const end = Date.now() + ms;
          await waitFor(() => Date.now() >= end, { within: ms + 10_000 });
        },
        close: async () => void (await Promise.all(opened.map((leases) => leases.close()))),
      };
    },
  };
}
