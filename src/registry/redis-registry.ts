import type { Logger } from "pino";
import type { OriginDescription, OriginRecord, SessionRef } from "../domain/origin-record.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { IngestRegistry } from "../domain/ports/ingest-registry.ts";
import type {
  ClaimResult,
  HeartbeatResult,
  HeartbeatUpdate,
  Notice,
  RegisterOptions,
  RegisterResult,
  Registry,
  RegistryEvent,
  StreamClaim,
  StreamDescription,
  TouchLoss,
} from "../domain/ports/registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { OwnedStream, StreamLocation, StreamRecord, Whereabouts } from "../domain/stream-record.ts";
import { systemClock } from "../ops/clock.ts";
import { RedisClient } from "./client.ts";
import { keysOf } from "./keys.ts";
import { bury, suspect, wakeAll } from "./redis-burials.ts";
import { BLOCK_MS, followLog, readRecent } from "./redis-events.ts";
import { readTime } from "./redis-grants.ts";
import type { RedisContext } from "./redis-grants.ts";
import { RedisIngests } from "./redis-ingests.ts";
import { listOrigins, listStreams, locate, lookUp, sessionTimeLeft } from "./redis-lookups.ts";
import { RedisNotices } from "./redis-notices.ts";
import { heartbeat, leave, register } from "./redis-sessions.ts";
import { claim, describe, release, touch } from "./redis-streams.ts";
import { RedisTime } from "./redis-time.ts";
import { kickStream, wishState } from "./redis-wishes.ts";
import { SentinelWatch } from "./sentinel-watch.ts";
import { checkServer } from "./start-checks.ts";

export interface RedisRegistryOptions {
  /** See {@link parseRedisUrl} for the forms. */
  readonly url: string;
  /** Hash tag that all keys begin with, such as `{holdfast}`. */
  readonly prefix: string;
  readonly commandTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Whether the leases of ingests live in this Redis, too; true unless there are lock nodes. */
  readonly leasesHere?: boolean;
  /** For who writes nothing: what is wrong with this Redis for origins is a warning then, the only kind. */
  readonly reading?: boolean;
}

/** @throws HoldfastError `CONFIG_INVALID` when the URL is not one */
export function createRedisRegistry(options: RedisRegistryOptions): Registry {
  return new RedisRegistry(options);
}

/**
 * The registry in Redis. Each transition is one Lua file; this class only says which.
 *
 * `connect` rejects when Redis is not there or not fit, and goes on connecting in the background: call it again until
 * it resolves. All other methods work as soon as there is a connection.
 */
class RedisRegistry implements Registry {
  readonly #options: RedisRegistryOptions;
  readonly #context: RedisContext;
  readonly #notices: RedisNotices;
  readonly #sentinels: SentinelWatch;
  readonly #closing = new AbortController();
  readonly ingests: IngestRegistry;

  constructor(options: RedisRegistryOptions) {
    this.#options = options;
    this.#context = {
      client: this.#client("commands", 0),
      keys: keysOf(options.prefix),
      time: new RedisTime(options.clock ?? systemClock),
      commandTimeoutMs: options.commandTimeoutMs,
      leasesHere: options.leasesHere ?? true,
    };
    const { client } = this.#context;
    this.ingests = new RedisIngests(this.#context);
    const notices = this.#client("notices", 0);
    this.#notices = new RedisNotices(notices);
    this.#sentinels = new SentinelWatch(client.target, options, () => {
      options.log.warn({ registry: client.address }, "registry master switched");
      client.reconnect();
      notices.reconnect();
    });
  }

  get address(): string {
    return this.#context.client.address;
  }

  get available(): boolean {
    return this.#context.client.available;
  }

  async connect(): Promise<readonly string[]> {
    const { client } = this.#context;
    this.#sentinels.start();
    await client.connect();
    const checks = await Promise.all(client.masters().map((server) => checkServer(server)));
    const refusals = checks.flatMap((check) => check.refusals);
    const [refusal] = refusals;
    if (refusal && !this.#options.reading) throw refusal;
    await readTime(this.#context);
    if (this.#options.reading) return refusals.map(({ message }) => message);
    return checks.flatMap((check) => check.warnings);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#sentinels.close();
    await Promise.all([this.#notices.close(), this.#context.client.close()]);
  }

  register(origin: OriginDescription, options: RegisterOptions): Promise<RegisterResult> {
    return register(this.#context, origin, options);
  }

  heartbeat(session: SessionRef, update: HeartbeatUpdate): Promise<HeartbeatResult> {
    return heartbeat(this.#context, session, update);
  }

  leave(session: SessionRef, reason: string): Promise<void> {
    return leave(this.#context, session, reason);
  }

  suspect(name: string, instance: string): ReturnType<Registry["suspect"]> {
    return suspect(this.#context, name, instance);
  }

  bury(session: SessionRef, beat: number, by: string): Promise<boolean> {
    return bury(this.#context, session, beat, by);
  }

  wakeAll(): Promise<void> {
    return wakeAll(this.#context);
  }

  wishState(...wish: Parameters<Registry["wishState"]>): ReturnType<Registry["wishState"]> {
    return wishState(this.#context, ...wish);
  }

  kickStream(...kick: Parameters<Registry["kickStream"]>): ReturnType<Registry["kickStream"]> {
    return kickStream(this.#context, ...kick);
  }

  claimStream(session: SessionRef, wish: StreamClaim): Promise<ClaimResult> {
    return claim(this.#context, session, wish);
  }

  touchStreams(
    session: SessionRef,
    streams: readonly OwnedStream[],
    ttlMs: number,
  ): Promise<readonly TouchLoss[]> {
    return touch(this.#context, session, streams, ttlMs);
  }

  releaseStreams(session: SessionRef, streams: readonly OwnedStream[], reason: string): Promise<number> {
    return release(this.#context, session, streams, reason);
  }

  describeStream(session: SessionRef, stream: OwnedStream, description: StreamDescription): Promise<boolean> {
    return describe(this.#context, session, stream, description);
  }

  locate(keys: readonly StreamKey[]): Promise<readonly (StreamLocation | undefined)[]> {
    return locate(this.#context, keys);
  }

  lookUp(keys: readonly StreamKey[]): Promise<readonly Whereabouts[]> {
    return lookUp(this.#context, keys);
  }

  listOrigins(): Promise<readonly OriginRecord[]> {
    return listOrigins(this.#context);
  }

  listStreams(): Promise<readonly StreamRecord[]> {
    return listStreams(this.#context);
  }

  sessionTimeLeft(name: string): Promise<number> {
    return sessionTimeLeft(this.#context, name);
  }

  recentEvents(count: number): Promise<readonly RegistryEvent[]> {
    return readRecent(this.#context.client, this.#context.keys.events, count);
  }

  followEvents(id: string, signal: AbortSignal): AsyncIterable<RegistryEvent> {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    return followLog(this.#client("events", BLOCK_MS), this.#context.keys.events, id, either);
  }

  onNotice(origin: string, listener: (notice: Notice) => void): Promise<() => void> {
    return this.#notices.listen(this.#context.keys.notify(origin), listener);
  }

  /** @param blockMs how long a command of this connection may wait inside Redis */
  #client(purpose: string, blockMs: number): RedisClient {
    const { url, commandTimeoutMs, connectTimeoutMs, log } = this.#options;
    return new RedisClient({
      url,
      purpose,
      commandTimeoutMs: commandTimeoutMs + blockMs,
      connectTimeoutMs,
      log,
    });
  }
}
