import { EVENT_LOG_LENGTH } from "../domain/event-log.ts";
import type { OriginState } from "../domain/origin-record.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import { decodeState } from "./codec.ts";
import { KICKS_TTL_MS } from "./limits.ts";
import type { RedisContext } from "./redis-grants.ts";
import { asList, asNumber, asText } from "./replies.ts";

/** @see lua/origin-wish-2.lua */
export async function wishState(
  { client, keys }: RedisContext,
  name: string,
  state: OriginState,
  by: string,
): Promise<{ epoch: number; state: OriginState } | undefined> {
  const args = [name, state, by, EVENT_LOG_LENGTH];
  const [epoch, present] = asList(await client.run("origin-wish", [keys.origin(name), keys.root], args));
  return epoch === undefined ? undefined : { epoch: asNumber(epoch), state: decodeState(asText(present)) };
}

/** @see lua/stream-kick-2.lua */
export async function kickStream(
  { client, keys }: RedisContext,
  key: StreamKey,
  by: string,
): Promise<{ origin: string; token: number } | undefined> {
  const args = [key, by, KICKS_TTL_MS, EVENT_LOG_LENGTH];
  const [origin, token] = asList(await client.run("stream-kick", [keys.stream(key), keys.root], args));
  return origin === undefined ? undefined : { origin: asText(origin), token: asNumber(token) };
}
