import { Redis } from "ioredis";
import type { ConnectionLimits } from "./connection.ts";
import type { RedisTarget } from "./redis-url.ts";

const CHANNEL = "+switch-master";
const RETRY_MS = 2_000;

/**
 * Hears from every Sentinel when it has made another server the master.
 *
 * Needed for the case that the old master is cut off from the Sentinels and its replicas but not from us: its
 * connections stay open, it answers, and what it grants will be forgotten. (ioredis can watch by itself
 * (`failoverDetector`) but writes to stderr then whenever one Sentinel is down.)
 */
export class SentinelWatch {
  readonly #sentinels: readonly Redis[];

  /** @param switched called when another server became the master of our group */
  constructor(target: RedisTarget, limits: ConnectionLimits, switched: () => void) {
    const isOurs = (message: string) => message.split(" ", 1)[0] === target.master;
    this.#sentinels =
      target.kind === "sentinel" ? target.endpoints.map((one) => connect(one, target, limits)) : [];
    for (const sentinel of this.#sentinels) {
      // A Sentinel that is down is no news here: the connection to the master tells when none is left.
      sentinel.on("error", () => undefined);
      sentinel.on("ready", () => void sentinel.subscribe(CHANNEL).catch(() => undefined));
      sentinel.on("message", (_channel: string, message: string) => {
        if (isOurs(message)) switched();
      });
    }
  }

  start(): void {
    for (const sentinel of this.#sentinels)
      if (sentinel.status === "wait") sentinel.connect().catch(() => undefined);
  }

  close(): void {
    for (const sentinel of this.#sentinels) sentinel.disconnect();
  }
}

function connect(
  endpoint: RedisTarget["endpoints"][number],
  target: RedisTarget,
  limits: ConnectionLimits,
): Redis {
  return new Redis({
    ...endpoint,
    lazyConnect: true,
    protocol: 2,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    keepAlive: 5_000,
    retryStrategy: () => RETRY_MS,
    connectTimeout: limits.connectTimeoutMs,
    commandTimeout: limits.commandTimeoutMs,
    ...(target.tls ? { tls: {} } : {}),
    ...(target.sentinelUsername === "" ? {} : { username: target.sentinelUsername }),
    ...(target.sentinelPassword === "" ? {} : { password: target.sentinelPassword }),
  });
}
