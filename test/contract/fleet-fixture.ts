import assert from "node:assert/strict";
import type { OriginDescription, SessionRef } from "../../src/domain/origin-record.ts";
import type { HeartbeatUpdate, Registry, StreamClaim } from "../../src/domain/ports/registry.ts";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import type { StreamKey } from "../../src/domain/stream-key.ts";
import type { OwnedStream } from "../../src/domain/stream-record.ts";

/** One empty fleet for one test. */
export interface Fleet {
  /** A registry of one more process, connected. */
  open(): Promise<Registry>;
  /** Let the registry's time pass. */
  advance(ms: number): Promise<void>;
  /** Define an enabled ingest of this key. */
  enableIngest(key: StreamKey): Promise<void>;
  /** Put a lease there, in its form in Redis. */
  setLease(name: string, value: string): Promise<void>;
  close(): Promise<void>;
}

/** Long enough that nothing expires while a test runs. */
export const LONG = 60_000;

export const KEY = parseStreamKey("live/cam");

export function describeOrigin(name: string, instance = `instance of ${name}`): OriginDescription {
  return {
    name,
    instance,
    host: name,
    rtmp: `${name}.example:1935`,
    http: `${name}.example:8080`,
    relay: `${name}.internal:1935`,
    peer: `${name}.internal:8080`,
    state: "up",
    weight: 1,
    version: "1.2.3",
  };
}

/** Register, and expect that it works. */
export async function join(
  registry: Registry,
  name: string,
  { ttlMs = LONG, instance = `instance of ${name}`, seenToken = 0 } = {},
): Promise<SessionRef> {
  const result = await registry.register(describeOrigin(name, instance), { ttlMs, seenToken });
  assert.equal(result.outcome, "registered");
  return { name, instance, epoch: result.outcome === "registered" ? result.epoch : 0 };
}

export function wish(changes: Partial<StreamClaim> = {}): StreamClaim {
  return {
    key: KEY,
    kind: "publish",
    policy: "takeover",
    ttlMs: LONG,
    publisher: "192.0.2.1",
    codecs: "",
    formerToken: 0,
    pauseMinMs: 0,
    pauseMaxMs: 0,
    rank: 0,
    switched: "" as const,
    ingestToken: 0,
    ...changes,
  };
}

/** Claim, and expect that it is granted. */
export async function own(
  registry: Registry,
  session: SessionRef,
  changes: Partial<StreamClaim> = {},
): Promise<OwnedStream> {
  const result = await registry.claimStream(session, wish(changes));
  assert.equal(result.outcome, "granted");
  return { key: changes.key ?? KEY, token: result.outcome === "granted" ? result.token : 0 };
}

export function beat(changes: Partial<HeartbeatUpdate> = {}): HeartbeatUpdate {
  return { ttlMs: LONG, beat: 1, state: "up", load: 0, streams: 0, acknowledged: [], ...changes };
}

/** Who owns the key, by name. */
export async function ownerOf(registry: Registry, key: StreamKey = KEY): Promise<string | undefined> {
  const [location] = await registry.locate([key]);
  return location?.record.origin;
}
