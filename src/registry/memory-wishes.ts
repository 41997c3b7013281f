import type { OriginState, SessionRef } from "../domain/origin-record.ts";
import type { Wishes } from "../domain/ports/registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import { KICKS_TTL_MS } from "./limits.ts";
import type { MemoryStore } from "./memory-store.ts";

/** What `origin-wish` does in Redis. */
export function wishInMemory(
  store: MemoryStore,
  name: string,
  state: OriginState,
  by: string,
): { epoch: number; state: OriginState } | undefined {
  const session = store.sessions.get(name);
  if (!session) return undefined;
  const { epoch } = session;
  const last = store.wishes.get(name)?.number ?? 0;
  store.wishes.set(name, { epoch, number: Math.max(last + 1, Math.floor(store.now() * 1_000)), state });
  const reason = state === "draining" ? "drain" : "undrain";
  store.log("wished", { origin: name, epoch, token: epoch, reason, by });
  store.publish(name, { type: "wished" });
  return { epoch, state: session.state };
}

/** What `stream-kick` does in Redis. */
export function kickInMemory(
  store: MemoryStore,
  key: StreamKey,
  by: string,
): { origin: string; token: number } | undefined {
  const record = store.streams.get(key);
  if (record?.kind !== "publish" || store.sessions.get(record.origin)?.epoch !== record.epoch)
    return undefined;
  const { origin, epoch, token } = record;
  const name = `${origin}@${epoch}`;
  store.kicks.set(name, new Map(store.kicks.get(name)).set(key, token), KICKS_TTL_MS);
  store.log("wished", { stream: key, origin, epoch, token, reason: "kick", by });
  store.publish(origin, { type: "wished" });
  return { origin, token };
}

/** What the heartbeat of a session tells. */
export function wishesOf(store: MemoryStore, { name, epoch }: SessionRef): Wishes {
  const wish = store.wishes.get(name);
  const kicks = [...(store.kicks.get(`${name}@${epoch}`) ?? [])].map(([key, token]) => ({ key, token }));
  return { wish: wish?.epoch === epoch ? { number: wish.number, state: wish.state } : undefined, kicks };
}
