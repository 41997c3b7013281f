import { HoldfastError } from "../domain/errors.ts";
import type { IngestDefinition, IngestRecord } from "../domain/ingest.ts";
import type { StreamKey } from "../domain/stream-key.ts";

/** The status of an ingest that nobody has pulled yet. */
export const FRESH: Omit<IngestRecord, keyof IngestDefinition | "source"> = {
  enabled: true,
  removed: 0,
  demandUntil: 0,
  moveTo: "",
  owner: "",
  epoch: 0,
  token: 0,
  state: "idle",
  profile: 0,
  error: "",
  lastMove: 0,
  why: "",
  marks: [],
};

/** Whether two definitions of a stream say the same. */
export function isSame(one: IngestDefinition, other: IngestDefinition): boolean {
  const plain = ({ url, captureAt, weight, overlap, onDemand, fallback }: IngestDefinition) =>
    JSON.stringify([url, captureAt, weight, overlap, onDemand, fallback]);
  return plain(one) === plain(other);
}

/** Why a definition cannot be changed by API. */
export function configured(stream: StreamKey): HoldfastError {
  return new HoldfastError("INGEST_CONFIGURED", {
    detail: `the ingest ${stream} is defined in a config file: change it there, or pause it`,
    stream,
  });
}
