import type { OriginRecord } from "../domain/origin-record.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { ExpectedIngest, StreamLocation, StreamRecord, Whereabouts } from "../domain/stream-record.ts";
import { decodeKey, decodeOrigin, decodeStream } from "./codec.ts";
import { batches } from "./limits.ts";
import type { RedisContext } from "./redis-grants.ts";
import { asList, asNumber, asText } from "./replies.ts";

/** One script call for up to 500 keys; more are sent at the same time. @see lua/streams-locate-1.lua */
export async function lookUp(
  context: RedisContext,
  streams: readonly StreamKey[],
): Promise<readonly Whereabouts[]> {
  const found = await Promise.all(batches(streams).map((batch) => lookUpBatch(context, batch)));
  return found.flat();
}

/** The owners alone. */
export async function locate(
  context: RedisContext,
  streams: readonly StreamKey[],
): Promise<readonly (StreamLocation | undefined)[]> {
  const found = await lookUp(context, streams);
  return found.map(({ location }) => location);
}

async function lookUpBatch(
  { client, keys }: RedisContext,
  streams: readonly StreamKey[],
): Promise<Whereabouts[]> {
  const reply = asList(await client.run("streams-locate", [keys.root], streams));
  const [time, records, sessions, expected] = reply;
  const now = asNumber(time);
  const owners = new Map<string, OriginRecord>();
  for (const session of asList(sessions)) {
    const owner = decodeOrigin(asList(session));
    if (owner) owners.set(owner.name, owner);
  }
  const hashes = asList(records);
  const ingests = readExpected(asList(expected));
  return streams.map((key, index) => {
    const hash = hashes[index];
    const record = Array.isArray(hash) ? decodeStream(key, hash, now) : undefined;
    const owner = record && owners.get(record.origin);
    return { location: record && owner && { record, owner }, ingest: ingests.get(index) };
  });
}

/** Pairs of a place in the question, counted from 1, and whether that ingest is pulled on demand. */
function readExpected(pairs: readonly unknown[]): ReadonlyMap<number, ExpectedIngest> {
  const ingests = new Map<number, ExpectedIngest>();
  for (let i = 0; i < pairs.length; i += 2)
    ingests.set(asNumber(pairs[i]) - 1, { onDemand: asText(pairs[i + 1]) === "1" });
  return ingests;
}

/** The live sessions, by name. @see lua/origins-list-2.lua */
export async function listOrigins({ client, keys }: RedisContext): Promise<readonly OriginRecord[]> {
  const sessions = asList(await client.run("origins-list", [keys.origins, keys.root], []));
  return sessions
    .map((session) => decodeOrigin(asList(session)))
    .filter((origin) => origin !== undefined)
    .sort((a, b) => compare(a.name, b.name));
}

/** The records that live sessions stand behind, by key. @see lua/streams-list-2.lua */
export async function listStreams(context: RedisContext): Promise<readonly StreamRecord[]> {
  const { client, keys } = context;
  const texts = asList(await client.run("streams-list", [keys.origins, keys.root], []));
  const unique = new Set(texts.map((text) => decodeKey(asText(text))));
  const found = await locate(context, [...unique].filter((key) => key !== undefined).sort(compare));
  return found.filter((location) => location !== undefined).map(({ record }) => record);
}

/** ms until a session ends by itself; 0 when there is none. */
export async function sessionTimeLeft({ client, keys }: RedisContext, name: string): Promise<number> {
  return Math.max(0, asNumber(await client.call("PTTL", keys.origin(name))));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
