import type { ClaimPolicy } from "../domain/ports/registry.ts";
import type { DrainTimes } from "../domain/drain-state.ts";
import type { IngestDefinition } from "../domain/ingest.ts";
import type { Preference } from "../domain/rank.ts";
import type { RemotePolicy } from "../domain/route.ts";

/** The settings that the fleet layer reads; a whole `Config` fits. Durations in ms. */
export interface FleetSettings {
  readonly lease: { readonly ttl: number; readonly renewEvery: number };
  readonly cluster: { readonly key?: string | undefined; readonly previousKey?: string | undefined };
  readonly publish: {
    readonly onDuplicate: Exclude<ClaimPolicy, "reclaim">;
    /** ms that what an encoder sends, its end too, may wait to be read. */
    readonly maxWindow: number;
    readonly takeoverPauseMin: number;
    readonly takeoverPauseMax: number;
    readonly standbys: number;
    readonly stall: number;
    readonly prefer: Preference;
    readonly preferAfter: number;
  };
  readonly play: {
    readonly remote: RemotePolicy;
    readonly startTimeout: number;
    readonly waitForPublish: number;
  };
  readonly continuity: { readonly hold: number };
  readonly ingest: {
    readonly startsPerSecond: number;
    readonly connectTimeout: number;
    readonly idleTimeout: number;
    readonly keyframeTimeout: number;
    readonly retryMin: number;
    readonly retryMax: number;
    readonly idleStop: number;
    readonly allowExec: boolean;
  };
  /** What this origin's settings define; the registry may hold more. */
  readonly ingests: readonly IngestDefinition[];
  readonly relay: {
    readonly idleStop: number;
    readonly rereadEvery: number;
    readonly stallTimeout: number;
  };
  readonly drain: DrainTimes;
  readonly limits: { readonly streamsWaiting: number };
}
