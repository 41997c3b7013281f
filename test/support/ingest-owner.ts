import assert from "node:assert/strict";
import { leaseOf, PLANNER_LEASE, type IngestDefinition } from "../../src/domain/ingest.ts";
import type { SessionRef } from "../../src/domain/origin-record.ts";
import type { Registry } from "../../src/domain/ports/registry.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import type { MemoryStore } from "../../src/registry/memory-store.ts";
import { leaseValue } from "../../src/registry/lease-value.ts";

/** An ingest as the API defines one. */
export function ingestOf(stream: string, more: Partial<IngestDefinition> = {}): IngestDefinition {
  return {
    stream: parseStreamKey(stream),
    url: "rtmp://u:p@source.example/app/cam",
    ...{ captureAt: "", weight: 1, overlap: false, onDemand: false, fallback: [] },
    ...more,
  };
}

/** A planner that is not there, and a plan that never grows old: these ingests run on an origin that is not there. */
export function planNowhere(store: MemoryStore, ...streams: readonly string[]): void {
  const lines = streams.map((stream) => ({ stream: parseStreamKey(stream), origin: "nowhere", why: "test" }));
  store.leases.set(PLANNER_LEASE, leaseValue({ origin: "nowhere", epoch: 1, token: 1 }), 3_600_000);
  store.plan = { term: 1, at: store.now() + 3_600_000, by: "nowhere", lines };
}

/**
 * Become the owner of an ingest and of its stream, as an origin does that pulls it. Nothing is pulled.
 *
 * @param setLease writes the lease where the registry looks for it
 * @returns the token of the stream
 */
export async function ownIngested(
  registry: Registry,
  session: SessionRef,
  stream: string,
  setLease: (name: string, value: string) => unknown,
): Promise<number> {
  const key = parseStreamKey(stream);
  const token = await registry.ingests.drawToken(session, 0);
  await setLease(leaseOf(key), leaseValue({ origin: session.name, epoch: session.epoch, token }));
  const begun = await registry.ingests.begin(session, key, token, "least loaded");
  assert.equal(begun.outcome, "begun");
  const result = await registry.claimStream(session, {
    ...{ key, kind: "ingest", policy: "reject", ttlMs: 30_000, publisher: "rtmp://source.example" },
    ...{ codecs: "", formerToken: token, pauseMinMs: 0, pauseMaxMs: 0, rank: 0, switched: "" },
    ingestToken: token,
  });
  assert.equal(result.outcome, "granted");
  return result.outcome === "granted" ? result.token : 0;
}
