import { EVENT_LOG_LENGTH } from "../domain/event-log.ts";
import { leaseOf } from "../domain/ingest.ts";
import type { SessionRef } from "../domain/origin-record.ts";
import type { ClaimResult, StreamClaim, StreamDescription, TouchLoss } from "../domain/ports/registry.ts";
import type { OwnedStream } from "../domain/stream-record.ts";
import { RECORD_FORMAT } from "./codec.ts";
import { leaseValue } from "./lease-value.ts";
import { INDEX_TTL_MS, LOST_TTL_MS, RECORD_REST_MS, batches } from "./limits.ts";
import { grant } from "./redis-grants.ts";
import type { RedisContext } from "./redis-grants.ts";
import { asList, asNumber, asText } from "./replies.ts";

/** @see lua/stream-claim-8.lua */
export async function claim(
  context: RedisContext,
  session: SessionRef,
  wish: StreamClaim,
): Promise<ClaimResult> {
  const { keys } = context;
  const { name, epoch } = session;
  const lease =
    context.leasesHere && wish.kind === "ingest"
      ? leaseValue({ origin: name, epoch, token: wish.ingestToken })
      : "";
  const [outcome, first, second] = await grant(
    context,
    "stream-claim",
    [
      keys.stream(wish.key),
      keys.origin(session.name),
      keys.epoch,
      keys.held(session.name),
      keys.ingest(wish.key),
      keys.events,
      keys.root + leaseOf(wish.key),
      keys.root,
    ],
    (notAfter) => [
      wish.key,
      session.name,
      session.instance,
      session.epoch,
      wish.kind,
      wish.policy,
      wish.ttlMs,
      INDEX_TTL_MS,
      LOST_TTL_MS,
      wish.formerToken,
      notAfter,
      wish.pauseMinMs,
      wish.pauseMaxMs,
      wish.publisher,
      wish.codecs,
      RECORD_FORMAT,
      EVENT_LOG_LENGTH,
      wish.rank,
      wish.switched,
      wish.ingestToken,
      lease,
    ],
  );
  switch (asText(outcome)) {
    case "granted":
      return { outcome: "granted", token: asNumber(first), previous: asText(second) };
    case "held":
      return { outcome: "held", origin: asText(first), token: asNumber(second) };
    case "too-soon":
      return { outcome: "too-soon", origin: asText(first), retryAfterMs: asNumber(second) };
    case "ingested":
      return { outcome: "ingested", ingest: asText(first) };
    case "stale-ingest":
      return { outcome: "stale-ingest" };
    default:
      return { outcome: "session-lost" };
  }
}

/** @see lua/streams-touch-2.lua */
export async function touch(
  { client, keys }: RedisContext,
  session: SessionRef,
  streams: readonly OwnedStream[],
  ttlMs: number,
): Promise<readonly TouchLoss[]> {
  const losses: TouchLoss[] = [];
  for (const batch of batches(streams)) {
    const reply = asList(
      await client.run(
        "streams-touch",
        [keys.held(session.name), keys.root],
        [session.name, session.epoch, ttlMs, INDEX_TTL_MS, ...tokensAndKeys(batch)],
      ),
    );
    for (let i = 0; i + 2 < reply.length; i += 3) {
      const stream = batch[asNumber(reply[i]) - 1];
      const outcome = asText(reply[i + 1]) === "taken" ? "taken" : "missing";
      if (stream) losses.push({ key: stream.key, outcome, token: asNumber(reply[i + 2]) });
    }
  }
  return losses;
}

/** @see lua/streams-release-3.lua */
export async function release(
  { client, keys }: RedisContext,
  session: SessionRef,
  streams: readonly OwnedStream[],
  reason: string,
): Promise<number> {
  let released = 0;
  for (const batch of batches(streams)) {
    const reply = await client.run(
      "streams-release",
      [keys.held(session.name), keys.events, keys.root],
      [session.name, session.epoch, reason, EVENT_LOG_LENGTH, RECORD_REST_MS, ...tokensAndKeys(batch)],
    );
    released += asNumber(reply);
  }
  return released;
}

/** @see lua/stream-describe-1.lua */
export async function describe(
  { client, keys }: RedisContext,
  session: SessionRef,
  stream: OwnedStream,
  { codecs, stalled }: StreamDescription,
): Promise<boolean> {
  const reply = await client.run(
    "stream-describe",
    [keys.stream(stream.key)],
    [session.name, session.epoch, stream.token, codecs, stalled ? 1 : 0],
  );
  return asNumber(reply) === 1;
}

function tokensAndKeys(streams: readonly OwnedStream[]): (string | number)[] {
  return streams.flatMap(({ token, key }) => [token, key]);
}
