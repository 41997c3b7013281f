import type { Logger } from "pino";
import type { IngestRecord } from "../../domain/ingest.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { IngestPuller } from "../../domain/ports/ingest-puller.ts";
import type { Leases } from "../../domain/ports/leases.ts";
import type { Registry } from "../../domain/ports/registry.ts";
import type { LocalStreams } from "../local-streams.ts";
import type { Lookup } from "../lookup.ts";
import type { Ownership } from "../ownership.ts";
import type { Session } from "../session.ts";
import type { FleetSettings } from "../settings.ts";
import type { IngestCounts } from "./ingest-counts.ts";
import type { LeaseUpkeep } from "./lease-upkeep.ts";
import type { StartBucket } from "./start-bucket.ts";

/** What every pull of this origin shares. */
export interface IngestTools {
  readonly registry: Pick<Registry, "ingests" | "locate" | "listOrigins">;
  readonly leases: Leases;
  readonly upkeep: LeaseUpkeep;
  readonly bucket: StartBucket;
  readonly puller: IngestPuller;
  readonly session: Session;
  readonly ownership: Ownership;
  readonly streams: LocalStreams;
  readonly lookup: Pick<Lookup, "forget">;
  readonly counts: IngestCounts;
  readonly clock: Clock;
  readonly log: Logger;
  readonly random: () => number;
  readonly settings: Pick<FleetSettings, "lease" | "ingest">;
  /** Name of this origin, and of the host whose worker it is. */
  readonly here: { readonly name: string; readonly host: string };
  /** Whether the last owner was reached, and still pulls it. */
  readonly ownerGoesOn: (record: IngestRecord) => Promise<boolean>;
}
