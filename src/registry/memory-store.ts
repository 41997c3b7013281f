import { EVENT_LOG_LENGTH } from "../domain/event-log.ts";
import type { IngestRecord } from "../domain/ingest.ts";
import type { OriginRecord, OriginState } from "../domain/origin-record.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Plan } from "../domain/ports/ingest-registry.ts";
import type { Notice, RegistryEvent } from "../domain/ports/registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamRecord } from "../domain/stream-record.ts";

/** A stream's record with what only the registry needs. Moments are ms since 1970. */
export interface StoredStream extends StreamRecord {
  readonly pausedUntil: number;
  readonly countedUntil: number;
}

/** An ingest's record with what only the registry needs. */
export interface StoredIngest extends IngestRecord {
  /** Epoch of the session whose config file it is from. */
  readonly definedBy: number;
  /** ms since 1970; only of a config file. */
  readonly assertedUntil: number;
}

interface Expiring<T> {
  readonly value: T;
  /** ms on the monotonic clock. */
  readonly until: number;
}

/** A map whose entries vanish, as Redis keys with a TTL do. */
class ExpiringMap<K, V> {
  readonly #clock: Clock;
  readonly #entries = new Map<K, Expiring<V>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: K): V | undefined {
    return this.timeLeft(key) > 0 ? this.#entries.get(key)?.value : undefined;
  }

  set(key: K, value: V, ttlMs: number): void {
    this.#entries.set(key, { value, until: this.#clock.monotonic() + ttlMs });
  }

  /** Change the value and leave the time to live alone. */
  replace(key: K, value: V): void {
    const entry = this.#entries.get(key);
    if (entry) this.#entries.set(key, { value, until: entry.until });
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }

  /** ms; 0 when there is no such entry. */
  timeLeft(key: K): number {
    return Math.max(0, (this.#entries.get(key)?.until ?? 0) - this.#clock.monotonic());
  }

  values(): V[] {
    this.sweep();
    return [...this.#entries.values()].map(({ value }) => value);
  }

  /** Give the memory of expired entries back. */
  sweep(): void {
    const now = this.#clock.monotonic();
    for (const [key, { until }] of this.#entries) if (until <= now) this.#entries.delete(key);
  }
}

/**
 * What a fleet inside one process shares instead of Redis: the data of the registry, and nothing that decides.
 * Lives as long as the process.
 */
export class MemoryStore {
  readonly sessions: ExpiringMap<string, OriginRecord>;
  readonly streams: ExpiringMap<StreamKey, StoredStream>;
  /** `<name>@<epoch>` -> key -> token of the new owner. */
  readonly lost: ExpiringMap<string, ReadonlyMap<StreamKey, number>>;
  /** Name -> what an operator wants it to be, for the session with this epoch. */
  readonly wishes = new Map<string, { epoch: number; number: number; state: OriginState }>();
  /** `<name>@<epoch>` -> key -> token of the ownership whose encoder is to be disconnected. */
  readonly kicks: ExpiringMap<string, ReadonlyMap<StreamKey, number>>;
  readonly ingests: ExpiringMap<StreamKey, StoredIngest>;
  /** Name of a lease -> its value, as in Redis. */
  readonly leases: ExpiringMap<string, string>;
  /** Keys that no encoder may publish, without an ingest. */
  readonly reserved = new Set<StreamKey>();
  plan: Plan = { term: 0, at: 0, by: "", lines: [] };
  readonly #clock: Clock;
  readonly #events: RegistryEvent[] = [];
  readonly #followers = new Set<() => void>();
  readonly #listeners = new Map<string, Set<(notice: Notice) => void>>();
  #lastToken = 0;
  #lastEvent = { ms: 0, number: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.sessions = new ExpiringMap(clock);
    this.streams = new ExpiringMap(clock);
    this.lost = new ExpiringMap(clock);
    this.kicks = new ExpiringMap(clock);
    this.ingests = new ExpiringMap(clock);
    this.leases = new ExpiringMap(clock);
  }

  /** ms since 1970. */
  now(): number {
    return Math.floor(this.#clock.wall());
  }

  /** max(last + 1, time in µs, floor + 1), as in Redis, so that a fleet can move from one to the other. */
  nextToken(floor: number): number {
    this.#lastToken = Math.max(this.#lastToken + 1, Math.floor(this.#clock.wall() * 1_000), floor + 1);
    return this.#lastToken;
  }

  sweep(): void {
    for (const map of [this.sessions, this.streams, this.lost, this.kicks, this.ingests, this.leases])
      map.sweep();
  }

  log(type: string, fields: Readonly<Record<string, string | number>>): void {
    const at = this.now();
    const { ms, number } = this.#lastEvent;
    this.#lastEvent = at > ms ? { ms: at, number: 0 } : { ms, number: number + 1 };
    const texts = Object.fromEntries(Object.entries(fields).map(([field, value]) => [field, String(value)]));
    const id = `${this.#lastEvent.ms}-${this.#lastEvent.number}`;
    this.#events.push({ id, at: this.#lastEvent.ms, type, fields: texts });
    if (this.#events.length > EVENT_LOG_LENGTH) this.#events.shift();
    for (const wake of this.#followers) wake();
  }

  events(): readonly RegistryEvent[] {
    return this.#events;
  }

  /** Call `wake` after every event. Returns an undo. */
  follow(wake: () => void): () => void {
    this.#followers.add(wake);
    return () => void this.#followers.delete(wake);
  }

  /** As over a network: the listeners hear it later, in order. */
  publish(origin: string, notice: Notice): void {
    setImmediate(() => {
      for (const listener of this.#listeners.get(origin) ?? []) listener(notice);
    });
  }

  listen(origin: string, listener: (notice: Notice) => void): () => void {
    const listeners = this.#listeners.get(origin) ?? new Set();
    this.#listeners.set(origin, listeners.add(listener));
    return () => void listeners.delete(listener);
  }
}
