import { HoldfastError } from "../domain/errors.ts";
import type { StreamKey } from "../domain/stream-key.ts";

/** What the players of a stream are told when it is over. */
export function isOver(key: StreamKey, why: string): HoldfastError {
  return new HoldfastError("STREAM_ENDED", { detail: `${key} has ended: ${why}`, stream: key });
}

/** What a relay connection is closed with when its origin must ask somebody else. */
export function isNotOurs(key: StreamKey): HoldfastError {
  return new HoldfastError("NOT_OWNER", { detail: `this origin does not own ${key} any more`, stream: key });
}

/** What an encoder is told when a second one took its place on the same origin. */
export function isPublishedAnew(key: StreamKey): HoldfastError {
  const detail = `another encoder publishes ${key} to this origin now`;
  return new HoldfastError("STREAM_TAKEN_OVER", { detail, stream: key });
}
