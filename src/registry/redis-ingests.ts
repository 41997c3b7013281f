import { HoldfastError } from "../domain/errors.ts";
import { EVENT_LOG_LENGTH } from "../domain/event-log.ts";
import { leaseOf, PLANNER_LEASE } from "../domain/ingest.ts";
import type { IngestDefinition, IngestRecord, IngestStatus } from "../domain/ingest.ts";
import type { SessionRef } from "../domain/origin-record.ts";
import type { IngestRegistry, Plan, PlanLine, PutResult } from "../domain/ports/ingest-registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import { decodeKey, RECORD_FORMAT } from "./codec.ts";
import { configured } from "./ingest-definitions.ts";
import { IngestCache } from "./ingest-cache.ts";
import { decodeIngest, decodePlan, encodeDefinition, encodeStatus } from "./ingest-codec.ts";
import { leaseValue } from "./lease-value.ts";
import { batches, INGEST_TTL_MS, PLAN_TTL_MS } from "./limits.ts";
import { grant, type RedisContext } from "./redis-grants.ts";
import { asList, asNumber, asText } from "./replies.ts";

/** Definitions, states and the plan of ingests in Redis. Each transition is one Lua file. */
export class RedisIngests implements IngestRegistry {
  readonly #context: RedisContext;
  readonly #cache = new IngestCache();

  constructor(context: RedisContext) {
    this.#context = context;
  }

  /** @see lua/ingests-assert-3.lua */
  async assertConfigured(session: SessionRef, definitions: readonly IngestDefinition[]): Promise<void> {
    const { client, keys } = this.#context;
    const { name, instance, epoch } = session;
    for (const batch of batches(definitions)) {
      await client.run(
        "ingests-assert",
        [keys.ingests, keys.origin(name), keys.root],
        [
          ...[name, instance, epoch, INGEST_TTL_MS, RECORD_FORMAT, EVENT_LOG_LENGTH],
          ...batch.flatMap((definition) => [definition.stream, ...encodeDefinition(definition)]),
        ],
      );
    }
  }

  /** @see lua/ingest-put-4.lua */
  async put(definition: IngestDefinition, by: string): Promise<PutResult> {
    const { client, keys } = this.#context;
    const { stream } = definition;
    const reply = await client.run(
      "ingest-put",
      [keys.ingest(stream), keys.ingests, keys.plan, keys.root],
      [stream, ...encodeDefinition(definition), RECORD_FORMAT, EVENT_LOG_LENGTH, by],
    );
    const outcome = asText(reply);
    if (outcome === "configured") throw configured(stream);
    return outcome as PutResult;
  }

  /** @see lua/ingest-remove-3.lua */
  async remove(stream: StreamKey, by: string): Promise<boolean> {
    const { client, keys } = this.#context;
    const outcome = asText(
      await client.run(
        "ingest-remove",
        [keys.ingest(stream), keys.plan, keys.root],
        [stream, INGEST_TTL_MS, EVENT_LOG_LENGTH, by],
      ),
    );
    if (outcome === "configured") throw configured(stream);
    return outcome === "removed";
  }

  setEnabled(stream: StreamKey, enabled: boolean, by: string): Promise<boolean> {
    return this.#wish(stream, "enabled", enabled ? "1" : "0", by);
  }

  setMove(stream: StreamKey, origin: string, by: string): Promise<boolean> {
    return this.#wish(stream, "moveTo", origin, by);
  }

  /** @see lua/ingests-demand-2.lua */
  async demand(streams: readonly StreamKey[], ms: number): Promise<void> {
    const { client, keys } = this.#context;
    for (const batch of batches(streams))
      await client.run("ingests-demand", [keys.plan, keys.root], [ms, ...batch]);
  }

  async get(stream: StreamKey): Promise<IngestRecord | undefined> {
    const [record] = await this.read([stream]);
    return record;
  }

  async list(): Promise<readonly IngestRecord[]> {
    const { client, keys } = this.#context;
    const names = asList(await client.call("SMEMBERS", keys.ingests));
    const streams = names.map((name) => decodeKey(asText(name))).filter((key) => key !== undefined);
    const records = await this.read(streams.sort());
    return records.filter((record) => record !== undefined);
  }

  /** @see lua/ingests-read-1.lua */
  async read(streams: readonly StreamKey[]): Promise<readonly (IngestRecord | undefined)[]> {
    const { client, keys } = this.#context;
    const read = async (batch: readonly StreamKey[]) =>
      asList(await client.run("ingests-read", [keys.root], batch));
    const texts = (await Promise.all(batches(streams).map(read))).flat().map(asText);
    return this.#cache.decode(streams, texts);
  }

  /** @see lua/token-draw-2.lua */
  async drawToken({ name, instance, epoch }: SessionRef, seen: number): Promise<number> {
    const { client, keys } = this.#context;
    const reply = await client.run("token-draw", [keys.epoch, keys.origin(name)], [instance, epoch, seen]);
    if (reply === null) throw new HoldfastError("SESSION_LOST");
    return asNumber(reply);
  }

  /** @see lua/ingest-begin-5.lua */
  async begin(
    session: SessionRef,
    stream: StreamKey,
    token: number,
    why: string,
  ): ReturnType<IngestRegistry["begin"]> {
    const { keys, leasesHere } = this.#context;
    const { name, instance, epoch } = session;
    const lease = leasesHere ? leaseValue({ origin: name, epoch, token }) : "";
    const [outcome, hash] = await grant(
      this.#context,
      "ingest-begin",
      [keys.ingest(stream), keys.origin(name), keys.root + leaseOf(stream), keys.epoch, keys.events],
      (notAfter) => [stream, name, instance, epoch, token, why, lease, notAfter, EVENT_LOG_LENGTH],
    );
    switch (asText(outcome)) {
      case "begun": {
        const record = decodeIngest(asList(hash));
        return record ? { outcome: "begun", record } : { outcome: "unwanted" };
      }
      case "unwanted":
        return { outcome: "unwanted" };
      case "session-lost":
        return { outcome: "session-lost" };
      default:
        return { outcome: "stale" };
    }
  }

  /** @see lua/ingest-report-2.lua */
  async report(
    { name }: SessionRef,
    stream: StreamKey,
    token: number,
    status: IngestStatus,
  ): Promise<boolean> {
    const { client, keys } = this.#context;
    const reply = await client.run(
      "ingest-report",
      [keys.ingest(stream), keys.events],
      [stream, name, token, ...encodeStatus(status), INGEST_TTL_MS, EVENT_LOG_LENGTH],
    );
    return asNumber(reply) === 1;
  }

  async plan(): Promise<Plan> {
    const { client, keys } = this.#context;
    return decodePlan(asList(await client.call("HGETALL", keys.plan)));
  }

  /** @see lua/plan-write-4.lua */
  async writePlan(
    session: SessionRef,
    term: number,
    changed: readonly PlanLine[],
    removed: readonly StreamKey[],
  ): Promise<boolean> {
    const { client, keys, leasesHere } = this.#context;
    const { name, instance, epoch } = session;
    const lease = leasesHere ? leaseValue({ origin: name, epoch, token: term }) : "";
    const write = async (lines: readonly PlanLine[], gone: readonly StreamKey[]): Promise<boolean> => {
      const reply = await client.run(
        "plan-write",
        [keys.plan, keys.root + PLANNER_LEASE, keys.origin(name), keys.root],
        [
          ...[name, instance, epoch, term, lease, PLAN_TTL_MS, lines.length],
          ...lines.flatMap(({ stream, origin, why }) => [stream, origin, why]),
          ...gone,
        ],
      );
      return asNumber(reply) === 1;
    };
    for (const batch of batches(changed)) if (!(await write(batch, []))) return false;
    for (const batch of batches(removed)) if (!(await write([], batch))) return false;
    return changed.length + removed.length > 0 || (await write([], []));
  }

  /** @see lua/ingests-sweep-3.lua */
  async sweep(_session: SessionRef, term: number): Promise<number> {
    const { client, keys } = this.#context;
    const reply = await client.run(
      "ingests-sweep",
      [keys.ingests, keys.plan, keys.root],
      [term, INGEST_TTL_MS, EVENT_LOG_LENGTH],
    );
    return asNumber(reply);
  }

  /** @see lua/ingest-wish-3.lua */
  async #wish(stream: StreamKey, field: string, value: string, by: string): Promise<boolean> {
    const { client, keys } = this.#context;
    const reply = await client.run(
      "ingest-wish",
      [keys.ingest(stream), keys.plan, keys.root],
      [stream, field, value, EVENT_LOG_LENGTH, by],
    );
    return asNumber(reply) === 1;
  }
}
