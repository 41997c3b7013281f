import type { Logger } from "pino";
import type { Config } from "../config/schema.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Leases } from "../domain/ports/leases.ts";
import type { Registry } from "../domain/ports/registry.ts";
import { MemoryLeases } from "./memory-leases.ts";
import { createMemoryRegistry } from "./memory-registry.ts";
import { MemoryStore } from "./memory-store.ts";
import { createRedisRegistry } from "./redis-registry.ts";

/** What an origin shares with its fleet. Opens nothing before `connect`. */
export interface Stores {
  readonly registry: Registry;
  readonly leases: Leases;
}

/** The registry and the leases that the settings name: in Redis, or in the memory of an origin that runs alone. */
export function createStores(config: Config, clock: Clock, log: Logger): Stores {
  const { url, prefix, commandTimeout, connectTimeout } = config.redis;
  const store = new MemoryStore(clock);
  const leases = new MemoryLeases(store);
  if (url === undefined) return { registry: createMemoryRegistry(store), leases };
  const timeouts = { commandTimeoutMs: commandTimeout, connectTimeoutMs: connectTimeout };
  return { registry: createRedisRegistry({ url, prefix, ...timeouts, log, clock }), leases };
}
