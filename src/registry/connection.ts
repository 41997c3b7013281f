import { Cluster, Redis } from "ioredis";
import type { ClusterOptions, RedisOptions } from "ioredis";
import type { RedisTarget } from "./redis-url.ts";

/** Both offer commands, scripts and subscriptions in the same words. */
export type Connection = Redis | Cluster;

export interface ConnectionLimits {
  /** Longest wait for an answer, in ms. */
  readonly commandTimeoutMs: number;
  /** Longest wait for a connection, in ms. */
  readonly connectTimeoutMs: number;
}

/** Shown by `CLIENT LIST`. */
const CONNECTION_NAME = "holdfast";
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1_000;
/** A socket that is closed in order gets this long, then it is destroyed: a hung Redis never answers a FIN. */
const DISCONNECT_TIMEOUT_MS = 200;

/** Pause before attempt number `times`, for ever: from 50 ms doubling to 1 s, each shortened by up to a half. */
export function retryDelay(times: number): number {
  const full = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(times - 1, 10));
  return Math.round(full * (0.5 + Math.random() / 2));
}

/**
 * Make a connection that is not opened yet.
 *
 * Nothing waits in queues: a command that cannot be sent now fails now, and none is sent twice. A command that got no
 * answer fails after `commandTimeoutMs`; a socket that brought nothing for more than twice that long is replaced.
 * RESP2 on purpose: no push messages are needed, every server and proxy speaks it, and pub/sub has its own connection.
 *
 * @param isWanted  asked before each further attempt
 */
export function makeConnection(
  target: RedisTarget,
  limits: ConnectionLimits,
  isWanted: () => boolean = () => true,
): Connection {
  // ioredis may begin another attempt just after it was told to disconnect; with no delay given it gives up.
  const retry = (times: number) => (isWanted() ? retryDelay(times) : null);
  const options = { ...sharedOptions(target, limits), retryStrategy: retry, enableOfflineQueue: false };
  if (target.kind === "cluster")
    return new Cluster([...target.endpoints], {
      ...clusterOptions(target, limits),
      clusterRetryStrategy: retry,
    });
  if (target.kind === "sentinel")
    return new Redis({ ...options, ...sentinelOptions(target, limits), sentinelRetryStrategy: retry });
  const endpoint = target.endpoints[0];
  return new Redis({ ...options, db: target.db, ...endpoint });
}

function sharedOptions(target: RedisTarget, limits: ConnectionLimits) {
  return {
    lazyConnect: true,
    protocol: 2,
    connectionName: CONNECTION_NAME,
    commandTimeout: limits.commandTimeoutMs,
    connectTimeout: limits.connectTimeoutMs,
    socketTimeout: limits.commandTimeoutMs * 2 + RETRY_MIN_MS,
    disconnectTimeout: DISCONNECT_TIMEOUT_MS,
    keepAlive: 5_000,
    maxRetriesPerRequest: 0,
    maxLoadingRetryTime: RETRY_MAX_MS,
    autoResendUnfulfilledCommands: false,
    // Resubscribing is done in redis-notices, which also makes up for what failed while nobody was connected.
    autoResubscribe: false,
    // A master that became a replica: the next connection leads to the new master, through Sentinel or DNS.
    reconnectOnError: (error: Error) => error.message.startsWith("READONLY"),
    ...(target.username === "" ? {} : { username: target.username }),
    ...(target.password === "" ? {} : { password: target.password }),
    ...(target.tls ? { tls: {} } : {}),
  } satisfies RedisOptions;
}

function sentinelOptions(target: RedisTarget, limits: ConnectionLimits) {
  return {
    sentinels: [...target.endpoints],
    name: target.master,
    db: target.db,
    sentinelCommandTimeout: limits.commandTimeoutMs,
    ...(target.tls ? { enableTLSForSentinelMode: true, sentinelTLS: {} } : {}),
    ...(target.sentinelUsername === "" ? {} : { sentinelUsername: target.sentinelUsername }),
    ...(target.sentinelPassword === "" ? {} : { sentinelPassword: target.sentinelPassword }),
  } satisfies RedisOptions;
}

function clusterOptions(target: RedisTarget, limits: ConnectionLimits) {
  return {
    lazyConnect: true,
    enableOfflineQueue: false,
    slotsRefreshTimeout: limits.connectTimeoutMs,
    slotsRefreshInterval: 5_000,
    redisOptions: sharedOptions(target, limits),
  } satisfies ClusterOptions;
}
