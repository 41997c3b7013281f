import { HoldfastError } from "../domain/errors.ts";
import { EVENT_LOG_LENGTH } from "../domain/event-log.ts";
import type { OriginDescription, SessionRef } from "../domain/origin-record.ts";
import type {
  HeartbeatResult,
  HeartbeatUpdate,
  RegisterOptions,
  RegisterResult,
} from "../domain/ports/registry.ts";
import { decodeOrigin, decodeOwned, decodeWish, encodeOrigin, encodeOwned } from "./codec.ts";
import { INDEX_TTL_MS, LOST_TTL_MS } from "./limits.ts";
import { grant } from "./redis-grants.ts";
import type { RedisContext } from "./redis-grants.ts";
import { asList, asNumber, asText } from "./replies.ts";

/** @see lua/origin-register-7.lua */
export async function register(
  context: RedisContext,
  origin: OriginDescription,
  options: RegisterOptions,
): Promise<RegisterResult> {
  const { keys, time } = context;
  const answered = time.ask();
  const [outcome, first, second] = await grant(
    context,
    "origin-register",
    [
      keys.origin(origin.name),
      keys.epoch,
      keys.boot,
      keys.origins,
      keys.held(origin.name),
      keys.events,
      keys.root,
    ],
    (notAfter) => [
      origin.name,
      origin.instance,
      options.ttlMs,
      INDEX_TTL_MS,
      options.replaceInstance ?? "",
      options.seenToken,
      notAfter,
      EVENT_LOG_LENGTH,
      ...encodeOrigin(origin),
    ],
  );
  if (asText(outcome) === "registered") {
    const timeMs = asNumber(second);
    answered(timeMs);
    return { outcome: "registered", epoch: asNumber(first), timeMs };
  }
  const holder = decodeOrigin(asList(second));
  if (holder) return { outcome: "conflict", holder, ttlMs: asNumber(first) };
  throw new HoldfastError("REGISTRY_REFUSED", {
    detail: `${keys.origin(origin.name)} in the registry is not the record of an origin`,
  });
}

/** @see lua/origin-heartbeat-5.lua */
export async function heartbeat(
  { client, keys, time }: RedisContext,
  session: SessionRef,
  update: HeartbeatUpdate,
): Promise<HeartbeatResult> {
  const answered = time.ask();
  const [outcome, first, wish, losses, kicks] = asList(
    await client.run(
      "origin-heartbeat",
      [
        keys.origin(session.name),
        keys.origins,
        keys.held(session.name),
        keys.lost(session.name, session.epoch),
        keys.kicks(session.name, session.epoch),
      ],
      [
        session.name,
        session.instance,
        session.epoch,
        update.ttlMs,
        INDEX_TTL_MS,
        LOST_TTL_MS,
        update.beat,
        update.state,
        update.load.toFixed(3),
        update.streams,
        ...update.acknowledged.map(encodeOwned),
      ],
    ),
  );
  if (asText(outcome) === "lost") return { outcome: "lost", instance: asText(first) };
  const timeMs = asNumber(first);
  answered(timeMs);
  const owned = (list: unknown) =>
    asList(list)
      .map((one) => decodeOwned(asText(one)))
      .filter((one) => one !== undefined);
  return {
    outcome: "alive",
    lost: owned(losses),
    wish: decodeWish(asText(wish)),
    kicks: owned(kicks),
    timeMs,
  };
}

/** @see lua/origin-leave-6.lua */
export async function leave(
  { client, keys }: RedisContext,
  session: SessionRef,
  reason: string,
): Promise<void> {
  await client.run(
    "origin-leave",
    [
      keys.origin(session.name),
      keys.origins,
      keys.held(session.name),
      keys.lost(session.name, session.epoch),
      keys.events,
      keys.root,
    ],
    [session.name, session.instance, session.epoch, reason, EVENT_LOG_LENGTH],
  );
}
