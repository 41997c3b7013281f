import { HoldfastError } from "../domain/errors.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import type { ClaimOutcome } from "./ownership.ts";

/**
 * What an encoder is told whose claim was not granted: who has the stream, since when, and when to come again.
 *
 * @param location the owner's record, when it could be read
 * @param now registry time, ms since 1970
 */
export function refusalOf(
  stream: StreamKey,
  outcome: ClaimOutcome,
  location: StreamLocation | undefined,
  now: number,
): HoldfastError {
  switch (outcome.outcome) {
    case "held":
      return new HoldfastError("STREAM_NAME_TAKEN", {
        detail: `${stream} is being published already, to origin ${outcome.origin}${since(location, now)}`,
        stream,
        owner: outcome.origin,
      });
    case "too-soon": {
      const wait = seconds(outcome.retryAfterMs);
      return new HoldfastError("TAKEOVER_TOO_SOON", {
        detail: `${stream} was taken over a moment ago and stays with origin ${outcome.origin}; try again in ${wait}`,
        stream,
        owner: outcome.origin,
        retryAfterMs: outcome.retryAfterMs,
      });
    }
    case "ingested":
      return new HoldfastError("STREAM_INGESTED", {
        detail: `${stream} is fed by an ingest; no encoder may publish it while that is enabled`,
        stream,
        ingest: outcome.ingest,
      });
    case "overtaken":
      return new HoldfastError("STREAM_TAKEN_OVER", {
        detail: `another encoder published ${stream} through another origin at the same time, and came last`,
        stream,
      });
    default:
      return new HoldfastError("SESSION_LOST", { stream });
  }
}

/** What an encoder is told that comes after as many others as are held ready. */
export function standbysFull(stream: StreamKey, most: number): HoldfastError {
  const others = most === 1 ? "another encoder stands" : `${most} other encoders stand`;
  const detail = `${stream} is being published already, and ${others} by for it at this origin: no more are taken`;
  return new HoldfastError("STREAM_NAME_TAKEN", { detail, stream });
}

function since(location: StreamLocation | undefined, now: number): string {
  if (!location) return "";
  return ` for ${seconds(Math.max(0, now - location.record.since))}`;
}

function seconds(ms: number): string {
  const whole = Math.ceil(ms / 1_000);
  return whole < 120 ? `${whole} s` : `${Math.round(whole / 60)} minutes`;
}
