import type { SessionRef } from "../domain/origin-record.ts";
import type { ClaimResult, StreamClaim } from "../domain/ports/registry.ts";
import { LOST_TTL_MS } from "./limits.ts";
import type { MemoryStore, StoredStream } from "./memory-store.ts";

/** The same decisions, in the same order, as in lua/stream-claim-7.lua. */
export function claimInMemory(store: MemoryStore, session: SessionRef, claim: StreamClaim): ClaimResult {
  if (!isCurrent(store, session)) return { outcome: "session-lost" };
  if (claim.kind === "publish" && store.ingests.has(claim.key))
    return { outcome: "ingested", ingest: claim.key };

  const now = store.now();
  const record = store.streams.get(claim.key);
  const owned = record !== undefined && store.sessions.get(record.origin)?.epoch === record.epoch;
  const sameSession = record?.origin === session.name && record.epoch === session.epoch;
  const contested = owned && !(sameSession && claim.policy === "reclaim");
  if (contested && claim.policy !== "takeover")
    return { outcome: "held", origin: record.origin, token: record.token };
  if (contested && now < record.pausedUntil)
    return { outcome: "too-soon", origin: record.origin, retryAfterMs: record.pausedUntil - now };

  const counts = owned && now < record.countedUntil ? record : NO_TAKEOVERS;
  const previous = record && (contested || record.origin !== session.name) ? record.origin : "";
  const token = store.nextToken(Math.max(claim.formerToken, record?.token ?? 0));
  const next: StoredStream = {
    key: claim.key,
    origin: session.name,
    epoch: session.epoch,
    token,
    kind: claim.kind,
    since: now,
    publisher: claim.publisher,
    codecs: claim.codecs,
    previous,
    ...(contested ? countTakeover(counts.takeovers + 1, claim, now) : keepCounts(counts)),
  };
  store.streams.set(claim.key, next, claim.ttlMs);
  store.log(contested ? "taken-over" : "claimed", {
    stream: claim.key,
    origin: session.name,
    epoch: session.epoch,
    token,
    kind: claim.kind,
    publisher: claim.publisher,
    previous,
    reason: reasonOf(claim, contested, record !== undefined),
    by: session.name,
  });
  if (contested && !sameSession) tellLoser(store, record, token);
  return { outcome: "granted", token, previous };
}

/** Whether a session is the one that the registry holds. */
export function isCurrent(store: MemoryStore, session: SessionRef): boolean {
  const holder = store.sessions.get(session.name);
  return holder?.instance === session.instance && holder.epoch === session.epoch;
}

type Counts = Pick<StoredStream, "takeovers" | "pausedUntil" | "countedUntil">;

const NO_TAKEOVERS: Counts = { takeovers: 0, pausedUntil: 0, countedUntil: 0 };

function keepCounts({ takeovers, pausedUntil, countedUntil }: Counts): Counts {
  return { takeovers, pausedUntil, countedUntil };
}

function countTakeover(takeovers: number, claim: StreamClaim, now: number): Counts {
  const pause = Math.min(claim.pauseMaxMs, claim.pauseMinMs * 2 ** (takeovers - 1));
  return { takeovers, pausedUntil: now + pause, countedUntil: now + pause + claim.pauseMaxMs };
}

function reasonOf(claim: StreamClaim, contested: boolean, recorded: boolean): string {
  if (contested) return `second ${claim.kind}`;
  if (claim.policy === "reclaim") return "reclaimed";
  return recorded ? "owner gone" : "new";
}

function tellLoser(store: MemoryStore, loser: StoredStream, token: number): void {
  const session = `${loser.origin}@${loser.epoch}`;
  store.lost.set(session, new Map(store.lost.get(session)).set(loser.key, token), LOST_TTL_MS);
  store.publish(loser.origin, { type: "taken-over", stream: { key: loser.key, token } });
}
