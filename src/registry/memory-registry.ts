import { HoldfastError } from "../domain/errors.ts";
import type { OriginDescription, OriginRecord, SessionRef } from "../domain/origin-record.ts";
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
import { LOST_TTL_MS, RECORD_REST_MS } from "./limits.ts";
import { buryInMemory, suspectInMemory, wakeAllInMemory, wakePlannerInMemory } from "./memory-burials.ts";
import { claimInMemory, isCurrent } from "./memory-claim.ts";
import { followInMemory } from "./memory-events.ts";
import { MemoryIngests } from "./memory-ingests.ts";
import type { MemoryStore, StoredStream } from "./memory-store.ts";
import { kickInMemory, wishesOf, wishInMemory } from "./memory-wishes.ts";

/** A registry for one process: of an origin that runs alone, or of several origins over one store in tests. */
export function createMemoryRegistry(store: MemoryStore): Registry {
  return new MemoryRegistry(store);
}

class MemoryRegistry implements Registry {
  readonly address = "memory";
  readonly ingests: IngestRegistry = new MemoryIngests(() => this.#open());
  readonly #store: MemoryStore;
  readonly #closing = new AbortController();

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  get available(): boolean {
    return !this.#closing.signal.aborted;
  }

  async connect(): Promise<readonly string[]> {
    this.#mustBeOpen();
    return ["without redis.url this origin runs alone: no other origin sees its streams"];
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }

  async register(origin: OriginDescription, options: RegisterOptions): Promise<RegisterResult> {
    const store = this.#open();
    const holder = store.sessions.get(origin.name);
    const isOther = holder !== undefined && holder.instance !== origin.instance;
    if (isOther && holder.instance !== options.replaceInstance)
      return { outcome: "conflict", holder, ttlMs: store.sessions.timeLeft(origin.name) };
    store.sweep();
    const epoch = store.nextToken(options.seenToken);
    const since = store.now();
    store.sessions.set(origin.name, { ...origin, epoch, since, beat: 0, load: 0, streams: 0 }, options.ttlMs);
    const reason = isOther ? "replaced" : holder ? "again" : "start";
    this.#logSession("registered", { ...origin, epoch }, reason);
    wakePlannerInMemory(store);
    return { outcome: "registered", epoch, timeMs: since };
  }

  async heartbeat(session: SessionRef, update: HeartbeatUpdate): Promise<HeartbeatResult> {
    const store = this.#open();
    const record = store.sessions.get(session.name);
    if (!record || !isCurrent(store, session)) return { outcome: "lost", instance: record?.instance ?? "" };
    const { beat, state, load, streams, ttlMs } = update;
    store.sessions.set(session.name, { ...record, beat, state, load, streams }, ttlMs);
    const name = `${session.name}@${session.epoch}`;
    const lost = new Map(store.lost.get(name));
    for (const { key, token } of update.acknowledged) if (lost.get(key) === token) lost.delete(key);
    if (lost.size > 0) store.lost.set(name, lost, LOST_TTL_MS);
    else store.lost.delete(name);
    const losses = [...lost].map(([key, token]) => ({ key, token }));
    return { outcome: "alive", lost: losses, ...wishesOf(store, session), timeMs: store.now() };
  }

  async leave(session: SessionRef, reason: string): Promise<void> {
    const store = this.#open();
    if (!isCurrent(store, session)) return;
    store.sessions.delete(session.name);
    store.lost.delete(`${session.name}@${session.epoch}`);
    this.#logSession("left", session, reason);
    wakeAllInMemory(store);
  }

  async suspect(name: string, instance: string): ReturnType<Registry["suspect"]> {
    return suspectInMemory(this.#open(), name, instance);
  }

  async bury(session: SessionRef, beat: number, by: string): Promise<boolean> {
    return buryInMemory(this.#open(), session, beat, by);
  }

  async wakeAll(): Promise<void> {
    wakeAllInMemory(this.#open());
  }

  async wishState(...wish: Parameters<Registry["wishState"]>): ReturnType<Registry["wishState"]> {
    return wishInMemory(this.#open(), ...wish);
  }

  async kickStream(...kick: Parameters<Registry["kickStream"]>): ReturnType<Registry["kickStream"]> {
    return kickInMemory(this.#open(), ...kick);
  }

  async claimStream(session: SessionRef, claim: StreamClaim): Promise<ClaimResult> {
    return claimInMemory(this.#open(), session, claim);
  }

  async touchStreams(
    session: SessionRef,
    streams: readonly OwnedStream[],
    ttlMs: number,
  ): Promise<readonly TouchLoss[]> {
    const store = this.#open();
    const losses: TouchLoss[] = [];
    for (const stream of streams) {
      const record = store.streams.get(stream.key);
      if (record && isHeld(record, session, stream)) store.streams.set(stream.key, record, ttlMs);
      else if (record && this.#ownerOf(record))
        losses.push({ key: stream.key, outcome: "taken", token: record.token });
      else losses.push({ key: stream.key, outcome: "missing", token: 0 });
    }
    return losses;
  }

  async releaseStreams(
    session: SessionRef,
    streams: readonly OwnedStream[],
    reason: string,
  ): Promise<number> {
    const store = this.#open();
    const held = streams.filter((stream) => {
      const record = store.streams.get(stream.key);
      return record !== undefined && isHeld(record, session, stream);
    });
    for (const { key, token } of held) {
      this.#giveUp(key);
      const { name, epoch } = session;
      store.log("released", { stream: key, origin: name, epoch, token, reason, by: name });
    }
    return held.length;
  }

  async describeStream(
    session: SessionRef,
    stream: OwnedStream,
    { codecs, stalled }: StreamDescription,
  ): Promise<boolean> {
    const store = this.#open();
    const record = store.streams.get(stream.key);
    if (!record || !isHeld(record, session, stream)) return false;
    store.streams.replace(stream.key, { ...record, codecs, stalled });
    return true;
  }

  async locate(keys: readonly StreamKey[]): Promise<readonly (StreamLocation | undefined)[]> {
    return (await this.lookUp(keys)).map(({ location }) => location);
  }

  async lookUp(keys: readonly StreamKey[]): Promise<readonly Whereabouts[]> {
    const store = this.#open();
    return keys.map((key) => {
      const stored = store.streams.get(key);
      const owner = stored && this.#ownerOf(stored);
      const location = owner && { record: this.#view(stored), owner };
      const known = location?.record.kind === "publish" ? undefined : store.ingests.get(key);
      const expected = known?.enabled === true && known.removed === 0;
      return { location, ingest: expected ? { onDemand: known.onDemand } : undefined };
    });
  }

  async listOrigins(): Promise<readonly OriginRecord[]> {
    return this.#open()
      .sessions.values()
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async listStreams(): Promise<readonly StreamRecord[]> {
    const live = this.#open()
      .streams.values()
      .filter((record) => this.#ownerOf(record));
    return live.map((record) => this.#view(record)).sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  async sessionTimeLeft(name: string): Promise<number> {
    return this.#open().sessions.timeLeft(name);
  }

  async recentEvents(count: number): Promise<readonly RegistryEvent[]> {
    return count <= 0 ? [] : this.#open().events().slice(-count);
  }

  async *followEvents(id: string, signal: AbortSignal): AsyncIterable<RegistryEvent> {
    yield* followInMemory(this.#open(), id, AbortSignal.any([signal, this.#closing.signal]));
  }

  async onNotice(origin: string, listener: (notice: Notice) => void): Promise<() => void> {
    const store = this.#open();
    const stop = store.listen(origin, listener);
    this.#closing.signal.addEventListener("abort", stop, { once: true });
    return stop;
  }

  /** @see lua/streams-release-3.lua */
  #giveUp(key: StreamKey): void {
    const { streams } = this.#store;
    const record = streams.get(key);
    const left = record && record.rank !== 0 ? record.countedUntil - this.#store.now() : 0;
    if (record && left > 0) streams.set(key, { ...record, epoch: 0 }, Math.min(left, RECORD_REST_MS));
    else streams.delete(key);
  }

  #ownerOf(record: StreamRecord): OriginRecord | undefined {
    const owner = this.#store.sessions.get(record.origin);
    return owner?.epoch === record.epoch ? owner : undefined;
  }

  #view({ pausedUntil: _, countedUntil, ...record }: StoredStream): StreamRecord {
    return this.#store.now() < countedUntil ? record : { ...record, takeovers: 0 };
  }

  #logSession(type: string, { name, instance, epoch }: SessionRef, reason: string): void {
    this.#store.log(type, { origin: name, epoch, token: epoch, instance, reason, by: name });
  }

  #open(): MemoryStore {
    this.#mustBeOpen();
    return this.#store;
  }

  #mustBeOpen(): void {
    if (!this.#closing.signal.aborted) return;
    throw new HoldfastError("REGISTRY_UNAVAILABLE", { detail: "the registry connection is closed" });
  }
}

function isHeld(record: StreamRecord, session: SessionRef, stream: OwnedStream): boolean {
  return record.origin === session.name && record.epoch === session.epoch && record.token === stream.token;
}
