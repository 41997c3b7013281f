import { HoldfastError } from "../domain/errors.ts";
import type { RegistryEvent } from "../domain/ports/registry.ts";
import type { RedisClient } from "./client.ts";
import { decodeEvent } from "./codec.ts";
import { retryDelay } from "./connection.ts";
import { asList } from "./replies.ts";

/** How long one XREAD waits for events, in ms. Short, so that a connection that died is noticed. */
export const BLOCK_MS = 1_000;
const BATCH = 500;

/** The newest `count` events of the log, oldest first. */
export async function readRecent(
  client: RedisClient,
  key: string,
  count: number,
): Promise<readonly RegistryEvent[]> {
  if (count <= 0) return [];
  return decodeEvents(await client.call("XREVRANGE", key, "+", "-", "COUNT", count)).reverse();
}

/**
 * Events after `id` until `signal` is aborted.
 *
 * The client must be for this alone, with a command time-out above {@link BLOCK_MS}; it is closed at the end. Rejects
 * when the log cannot be read at first; later failures are waited out, and nothing that the log still holds is missed.
 */
export async function* followLog(
  client: RedisClient,
  key: string,
  id: string,
  signal: AbortSignal,
): AsyncGenerator<RegistryEvent, void, void> {
  if (signal.aborted) return;
  const abort = () => void client.close();
  signal.addEventListener("abort", abort, { once: true });
  try {
    await client.connect();
    // A fixed place instead of "$": events that come between two reads would be missed.
    let last = id === "$" ? await lastId(client, key) : id;
    for (let failures = 0; !signal.aborted;) {
      try {
        const reply = await client.call("XREAD", "BLOCK", BLOCK_MS, "COUNT", BATCH, "STREAMS", key, last);
        failures = 0;
        for (const event of eventsOf(reply)) {
          if (signal.aborted) return;
          last = event.id;
          yield event;
        }
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code !== "REGISTRY_UNAVAILABLE") throw error;
        failures += 1;
        await pause(retryDelay(failures), signal);
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener("abort", abort);
    await client.close();
  }
}

async function lastId(client: RedisClient, key: string): Promise<string> {
  const [newest] = await readRecent(client, key, 1);
  return newest?.id ?? "0-0";
}

/** The reply of XREAD on one stream: `null`, or `[[key, entries]]`. */
function eventsOf(reply: unknown): RegistryEvent[] {
  if (reply === null) return [];
  const [stream] = asList(reply);
  return decodeEvents(asList(stream)[1]);
}

function decodeEvents(entries: unknown): RegistryEvent[] {
  return asList(entries)
    .map(decodeEvent)
    .filter((event) => event !== undefined);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
