import { EVENT_LOG_LENGTH } from "../domain/event-log.ts";
import type { SessionRef } from "../domain/origin-record.ts";
import type { Suspicion } from "../domain/ports/registry.ts";
import type { RedisContext } from "./redis-grants.ts";
import { asList, asNumber } from "./replies.ts";

/** @see lua/origin-suspect-2.lua */
export async function suspect(
  { client, keys }: RedisContext,
  name: string,
  instance: string,
): Promise<Suspicion | undefined> {
  const reply = await client.run("origin-suspect", [keys.origin(name), keys.root], [name, instance]);
  const [epoch, beat] = asList(reply);
  return epoch === undefined ? undefined : { epoch: asNumber(epoch), beat: asNumber(beat) };
}

/** @see lua/origin-bury-5.lua */
export async function bury(
  { client, keys }: RedisContext,
  { name, instance, epoch }: SessionRef,
  beat: number,
  by: string,
): Promise<boolean> {
  const reply = await client.run(
    "origin-bury",
    [keys.origin(name), keys.origins, keys.held(name), keys.lost(name, epoch), keys.events],
    [name, instance, epoch, beat, by, EVENT_LOG_LENGTH],
  );
  return asNumber(reply) === 1;
}

/** @see lua/origins-wake-2.lua */
export async function wakeAll({ client, keys }: RedisContext): Promise<void> {
  await client.run("origins-wake", [keys.origins, keys.root], []);
}
