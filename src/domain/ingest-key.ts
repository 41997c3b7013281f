import { HoldfastError } from "./errors.ts";
import { parseStreamKey, type StreamKey } from "./stream-key.ts";

/** What the names of other keys in the registry are made of: a field of the plan, and the leases of a hand-over. */
const TAKEN = /^_why:|:(?:next|ready)$/;

/**
 * Read the stream key of an ingest that is being defined.
 *
 * @throws HoldfastError `STREAM_NAME_INVALID` with the reason in `context.reason`: also for the few keys that the
 *         registry would take for something of another ingest
 */
export function parseIngestKey(text: string): StreamKey {
  const stream = parseStreamKey(text);
  if (!TAKEN.test(stream)) return stream;
  const reason = "the name of an ingest does not begin with _why: or end with :next or :ready";
  throw new HoldfastError("STREAM_NAME_INVALID", {
    detail: `the stream name is not valid: ${reason}`,
    reason,
  });
}
