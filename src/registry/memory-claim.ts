import { leaseOf } from "../domain/ingest.ts";
import type { SessionRef } from "../domain/origin-record.ts";
import type { ClaimResult, StreamClaim } from "../domain/ports/registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamRecord } from "../domain/stream-record.ts";
import { leaseValue } from "./lease-value.ts";
import { LOST_TTL_MS } from "./limits.ts";
import type { MemoryStore, StoredStream } from "./memory-store.ts";

/** The same decisions, in the same order, as in lua/stream-claim-8.lua. */
export function claimInMemory(store: MemoryStore, session: SessionRef, claim: StreamClaim): ClaimResult {
  if (!isCurrent(store, session)) return { outcome: "session-lost" };
  // Who had the stream before the ingest was defined keeps it, also when its session had to be registered again.
  if (claim.kind === "publish" && claim.policy !== "reclaim" && isIngested(store, claim.key))
    return { outcome: "ingested", ingest: claim.key };
  if (claim.kind === "ingest" && !isPulledBy(store, session, claim)) return { outcome: "stale-ingest" };

  const now = store.now();
  const record = store.streams.get(claim.key);
  const owned = record !== undefined && store.sessions.get(record.origin)?.epoch === record.epoch;
  const sameSession = record?.origin === session.name && record.epoch === session.epoch;
  const contested = owned && !(sameSession && claim.policy === "reclaim");
  if (contested && !givesWay(claim, record, sameSession))
    return { outcome: "held", origin: record.origin, token: record.token };
  // Nobody waits for a stream that does not flow.
  const counted = contested && (claim.policy === "takeover" || isPreferred(claim, record));
  if (counted && now < record.pausedUntil)
    return { outcome: "too-soon", origin: record.origin, retryAfterMs: record.pausedUntil - now };

  const keeps = owned || claim.policy === "standby";
  const counts = record && keeps && now < record.countedUntil ? record : NO_TAKEOVERS;
  // A record without an epoch was given up; only its counts are left.
  const before = record?.epoch === 0 ? undefined : record;
  const previous = before && (contested || before.origin !== session.name) ? before.origin : "";
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
    rank: claim.rank,
    stalled: false,
    ...(counted ? countTakeover(counts.takeovers + 1, claim, now) : keepCounts(counts)),
  };
  store.streams.set(claim.key, next, claim.ttlMs);
  const stalled = contested && !sameSession && record.stalled;
  store.log(claim.switched !== "" ? "switched" : contested ? "taken-over" : "claimed", {
    stream: claim.key,
    origin: session.name,
    epoch: session.epoch,
    token,
    kind: claim.kind,
    publisher: claim.publisher,
    previous,
    reason: reasonOf(claim, { contested, stalled, recorded: before !== undefined }),
    by: session.name,
  });
  if (contested && !sameSession) tellLoser(store, record, token);
  return { outcome: "granted", token, previous };
}

function isIngested({ ingests, reserved }: MemoryStore, key: StreamKey): boolean {
  return reserved.has(key) || ingests.get(key)?.enabled === true;
}

function isPulledBy(store: MemoryStore, { name, epoch }: SessionRef, claim: StreamClaim): boolean {
  const ingest = store.ingests.get(claim.key);
  const token = claim.ingestToken;
  const isOurs = ingest?.owner === name && ingest.epoch === epoch && ingest.token === token;
  return isOurs && store.leases.get(leaseOf(claim.key)) === leaseValue({ origin: name, epoch, token });
}

function isPreferred({ switched }: StreamClaim, { stalled }: StreamRecord): boolean {
  return switched === "preferred" && !stalled;
}

function givesWay(claim: StreamClaim, record: StreamRecord, sameSession: boolean): boolean {
  if (claim.policy !== "standby") return claim.policy === "takeover";
  // Which of its own encoders feeds a stream is for an origin alone to decide.
  if (sameSession) return true;
  const before = record.rank !== 0 && claim.rank < record.rank;
  return claim.switched !== "" && (record.stalled || (isPreferred(claim, record) && before));
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

function reasonOf(
  { switched, policy, kind }: StreamClaim,
  { contested, stalled, recorded }: { contested: boolean; stalled: boolean; recorded: boolean },
): string {
  if (switched !== "") return !contested ? "gone" : stalled ? "stalled" : switched;
  if (contested) return `second ${kind}`;
  if (policy === "reclaim") return "reclaimed";
  return recorded ? "owner gone" : "new";
}

function tellLoser(store: MemoryStore, loser: StoredStream, token: number): void {
  const session = `${loser.origin}@${loser.epoch}`;
  store.lost.set(session, new Map(store.lost.get(session)).set(loser.key, token), LOST_TTL_MS);
  store.publish(loser.origin, { type: "taken-over", stream: { key: loser.key, token } });
}
