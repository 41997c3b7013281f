import { HoldfastError } from "./errors.ts";
import type { OriginRecord } from "./origin-record.ts";
import type { RegistryEvent } from "./ports/registry.ts";
import { splitStreamKey, type StreamKey } from "./stream-key.ts";
import type { ExpectedIngest, StreamLocation, StreamRecord } from "./stream-record.ts";

/**
 * How records are written for people and programs outside: one form for the API and for `holdfast … -o json`.
 * Times are ISO 8601 in UTC by the registry's clock, time spans are ms.
 */
export interface OriginReport extends Omit<OriginRecord, "since"> {
  readonly since: string;
}

/** An origin, with what only one question more can tell. */
export interface OriginDetailReport extends OriginReport {
  /** Until its session ends unless it is renewed. */
  readonly timeLeftMs: number;
  readonly owns: StreamReport[];
}

export interface StreamReport extends Omit<StreamRecord, "key" | "since" | "rank"> {
  readonly stream: string;
  readonly since: string;
}

/** Where a stream is played at its owner. An address the owner does not offer is an empty string. */
export interface StreamUrls {
  readonly rtmp: string;
  readonly httpFlv: string;
  readonly wsFlv: string;
}

/** The answer to "who owns this?" */
export interface LookupReport extends StreamReport {
  /** Until the owner's session ends unless it is renewed. */
  readonly timeLeftMs: number;
  readonly owner: OriginReport;
  readonly urls: StreamUrls;
}

export interface EventReport {
  readonly id: string;
  readonly at: string;
  readonly type: string;
  readonly fields: Record<string, string>;
}

export function reportOrigin(origin: OriginRecord): OriginReport {
  return { ...origin, since: isoTime(origin.since) };
}

export function reportOriginDetail(
  origin: OriginRecord,
  timeLeftMs: number,
  streams: readonly StreamRecord[],
): OriginDetailReport {
  const owns = streams.filter((record) => record.origin === origin.name && record.epoch === origin.epoch);
  return { ...reportOrigin(origin), timeLeftMs, owns: owns.map(reportStream) };
}

export function reportStream({ key, rank: _, ...record }: StreamRecord): StreamReport {
  return { stream: key, ...record, since: isoTime(record.since) };
}

export function reportLookup({ record, owner }: StreamLocation, timeLeftMs: number): LookupReport {
  return {
    ...reportStream(record),
    timeLeftMs,
    owner: reportOrigin(owner),
    urls: streamUrls(record.key, owner),
  };
}

/** The answer while nobody owns the stream: `STREAM_NOT_FOUND`, and what a player gets instead. */
export function isNowhere(stream: StreamKey, ingest: ExpectedIngest | undefined): HoldfastError {
  const how = ingest?.onDemand ? "an ingest on demand brings it" : "an enabled ingest should bring it";
  const detail = ingest
    ? `nobody owns ${stream} now; ${how}, and plays wait for it`
    : `nobody publishes ${stream}`;
  return new HoldfastError("STREAM_NOT_FOUND", { detail, stream });
}

export function reportEvent({ id, at, type, fields }: RegistryEvent): EventReport {
  return { id, at: isoTime(at), type, fields: { ...fields } };
}

/** Where an origin with these public addresses plays a stream. */
export function streamUrls(key: StreamKey, { rtmp, http }: { rtmp: string; http: string }): StreamUrls {
  const { vhost, app, stream } = splitStreamKey(key);
  const query = vhost === "" ? "" : `?vhost=${vhost}`;
  // RTMP clients send the name as it is written; HTTP ones need it percent-encoded.
  const path = `${app}/${stream}`.split("/").map(encodeURIComponent).join("/");
  return {
    rtmp: rtmp === "" ? "" : `rtmp://${rtmp}/${app}/${stream}${query}`,
    httpFlv: http === "" ? "" : `http://${http}/${path}.flv${query}`,
    wsFlv: http === "" ? "" : `ws://${http}/${path}.flv${query}`,
  };
}

/** ISO 8601, or an empty string for a time that no record has. */
function isoTime(ms: number): string {
  return ms > 0 ? new Date(ms).toISOString() : "";
}
