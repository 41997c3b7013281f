import type { SessionRef } from "../domain/origin-record.ts";
import type { Suspicion } from "../domain/ports/registry.ts";
import { isCurrent } from "./memory-claim.ts";
import type { MemoryStore } from "./memory-store.ts";

/** What `origin-suspect` does in Redis. */
export function suspectInMemory(store: MemoryStore, name: string, instance: string): Suspicion | undefined {
  const session = store.sessions.get(name);
  if (session?.instance !== instance) return undefined;
  store.publish(name, { type: "suspected" });
  return { epoch: session.epoch, beat: session.beat };
}

/** What `origin-bury` does in Redis. */
export function buryInMemory(store: MemoryStore, session: SessionRef, beat: number, by: string): boolean {
  const { name, instance, epoch } = session;
  if (!isCurrent(store, session) || store.sessions.get(name)?.beat !== beat) return false;
  store.sessions.delete(name);
  store.lost.delete(`${name}@${epoch}`);
  const reason = "its process is gone";
  store.log("buried", { origin: name, epoch, token: epoch, instance, reason, by });
  return true;
}

/** What `origins-wake` does in Redis. */
export function wakeAllInMemory(store: MemoryStore): void {
  for (const { name } of store.sessions.values()) store.publish(name, { type: "ingests" });
}

/** What `origin-register` does for who plans. */
export function wakePlannerInMemory(store: MemoryStore): void {
  if (store.plan.by !== "") store.publish(store.plan.by, { type: "ingests" });
}
