import type { Logger } from "pino";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Leases } from "../domain/ports/leases.ts";
import type { Registry } from "../domain/ports/registry.ts";
import { MemoryLeases } from "./memory-leases.ts";
import { createMemoryRegistry } from "./memory-registry.ts";
import { MemoryStore } from "./memory-store.ts";
import { RedisLeases } from "./redis-leases.ts";
import { createRedisRegistry } from "./redis-registry.ts";

/** What an origin shares with its fleet. Opens nothing before `connect`. */
export interface Stores {
  readonly registry: Registry;
  readonly leases: Leases;
}

/**
 * The registry and the leases that the settings name: in Redis, or in the memory of an origin that runs alone.
 *
 * @throws HoldfastError `CONFIG_INVALID` when a URL is not one
 */
export function createStores(config: Config, clock: Clock, log: Logger): Stores {
  const { url, lockNodes, prefix, commandTimeout, connectTimeout } = config.redis;
  if (url === undefined) {
    const store = new MemoryStore(clock);
    return { registry: createMemoryRegistry(store), leases: new MemoryLeases(store) };
  }
  const shared = { prefix, commandTimeoutMs: commandTimeout, connectTimeoutMs: connectTimeout, log, clock };
  const leasesHere = lockNodes.length === 0;
  return {
    registry: createRedisRegistry({ ...shared, url, leasesHere }),
    // A connection of their own: a thousand renewals delay no heartbeat.
    leases: new RedisLeases({ ...shared, urls: leasesHere ? [url] : lockNodes }),
  };
}
