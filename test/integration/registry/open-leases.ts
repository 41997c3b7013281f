import { Writable } from "node:stream";
import type { TestContext } from "node:test";
import { Redis } from "ioredis";
import { pino } from "pino";
import type { Clock } from "../../../src/domain/ports/clock.ts";
import type { Lease, LeaseHolder, Leases } from "../../../src/domain/ports/leases.ts";
import { systemClock } from "../../../src/ops/clock.ts";
import { RedisLeases } from "../../../src/registry/redis-leases.ts";
import { startRedis, type TestRedis } from "../../support/start-redis.ts";
import { COMMAND_TIMEOUT, PREFIX } from "./open-registry.ts";

export const NAME = "lease:live/cam";
export const KEY_NAME = `${PREFIX}:${NAME}`;

export const one: LeaseHolder = { origin: "o1", epoch: 11, token: 101 };
export const two: LeaseHolder = { origin: "o2", epoch: 12, token: 102 };
export const VALUE_OF_ONE = "o1@11#101";

export interface OpenedLeases {
  readonly leases: Leases;
  /** Every line it logged. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
}

/** Servers that end with the test. */
export async function startServers(t: TestContext, count: number): Promise<TestRedis[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => startRedis()));
  t.after(() => Promise.all(servers.map((server) => server.stop())));
  return servers;
}

/** Leases over these servers that are not connected yet, and are closed with the test. */
export function openLeases(
  t: TestContext,
  urls: readonly string[],
  { clock = systemClock, commandTimeoutMs = COMMAND_TIMEOUT } = {},
): OpenedLeases {
  const log: Record<string, unknown>[] = [];
  const sink = new Writable({
    write(line: Buffer, _encoding, done) {
      log.push(JSON.parse(line.toString()) as Record<string, unknown>);
      done();
    },
  });
  const leases = new RedisLeases({
    urls,
    prefix: PREFIX,
    commandTimeoutMs,
    connectTimeoutMs: 1_000,
    clock,
    log: pino({ level: "debug" }, sink),
  });
  t.after(() => leases.close());
  return { leases, log };
}

/** The same, connected. */
export async function connectLeases(
  t: TestContext,
  servers: readonly TestRedis[],
  options: { clock?: Clock; commandTimeoutMs?: number } = {},
): Promise<Leases> {
  const { leases } = openLeases(
    t,
    servers.map(({ url }) => url),
    options,
  );
  await leases.connect();
  return leases;
}

export async function grantOf(
  leases: Leases,
  holder: LeaseHolder,
  ttlMs: number,
  name = NAME,
): Promise<Lease> {
  const grant = await leases.acquire(name, holder, ttlMs);
  if (grant.outcome !== "granted") throw new Error(`${name} is held by ${grant.by}`);
  return grant.lease;
}

/** Look into one server, or write to it by hand. */
export async function byHand<T>(server: TestRedis, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(server.url, { lazyConnect: true });
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

/** What each server has under the key of the lease; `null` where it has nothing. */
export function valuesOf(servers: readonly TestRedis[], key = KEY_NAME): Promise<(string | null)[]> {
  return Promise.all(servers.map((server) => byHand(server, (redis) => redis.get(key))));
}

/** The machine's clocks, set forward by hand: as if this process had been stopped for so long. */
export class SteppedClock implements Clock {
  #ahead = 0;

  wall(): number {
    return systemClock.wall() + this.#ahead;
  }

  monotonic(): number {
    return systemClock.monotonic() + this.#ahead;
  }

  after(ms: number, task: () => void): () => void {
    return systemClock.after(ms, task);
  }

  step(ms: number): void {
    this.#ahead += ms;
  }
}
