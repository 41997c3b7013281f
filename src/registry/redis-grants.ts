import { HoldfastError } from "../domain/errors.ts";
import type { Argument, RedisClient } from "./client.ts";
import type { Keys } from "./keys.ts";
import type { RedisTime } from "./redis-time.ts";
import { asList, asNumber, asText } from "./replies.ts";
import type { ScriptName } from "./scripts.ts";

/** What every part of the Redis adapter works with. */
export interface RedisContext {
  readonly client: RedisClient;
  readonly keys: Keys;
  readonly time: RedisTime;
  readonly commandTimeoutMs: number;
  /** Whether the leases of ingests live in this Redis, too: then the scripts check that they are still held. */
  readonly leasesHere: boolean;
}

/**
 * Run a script that gives something away.
 *
 * A command that got no answer may still be lying in a hung Redis and be carried out much later. So the script is told
 * until when we wait, in Redis time, and gives nothing after that.
 *
 * @param args makes ARGV, given that moment in ms since 1970
 * @returns the script's answer, anything but "late"
 */
export async function grant(
  context: RedisContext,
  script: ScriptName,
  keys: readonly string[],
  args: (notAfterMs: number) => readonly Argument[],
): Promise<readonly unknown[]> {
  for (let attempt = 1; attempt <= 2; attempt++) {
    const now = context.time.now() ?? (await readTime(context));
    const answered = context.time.ask();
    const reply = asList(
      await context.client.run(script, keys, args(Math.ceil(now) + context.commandTimeoutMs)),
    );
    if (asText(reply[0]) !== "late") return reply;
    // An answer that is late in Redis time and not in ours: its clock was set, or this is another server.
    answered(asNumber(reply[1]));
  }
  throw new HoldfastError("REGISTRY_UNAVAILABLE", {
    detail: "the registry's clock jumps: its answers always come too late",
    registry: context.client.address,
  });
}

/** Ask Redis what time it is. */
export async function readTime({ client, time }: RedisContext): Promise<number> {
  const answered = time.ask();
  const [seconds, microseconds] = asList(await client.call("TIME"));
  const now = asNumber(seconds) * 1_000 + Math.floor(asNumber(microseconds) / 1_000);
  answered(now);
  return now;
}
