/** Streams per script call: 1 to 5 ms of Redis, so that no other origin waits long. */
export const BATCH = 500;

/** Life of the index sets `origins` and `held:<name>` without a heartbeat, in ms. */
export const INDEX_TTL_MS = 60_000;

/** Life of `lost:<name>@<epoch>` without a heartbeat, in ms. */
export const LOST_TTL_MS = 30_000;

/** Longest life of a stream's record that was given up and still counts take-overs, in ms. */
export const RECORD_REST_MS = 30_000;

/** Life of an ingest's definition from a config file without an assertion, and of a tombstone, in ms. */
export const INGEST_TTL_MS = 60_000;

/** Life of the plan without a planner, in ms. */
export const PLAN_TTL_MS = 60_000;

/** Life of `kicks:<name>@<epoch>`, in ms: many heartbeats. */
export const KICKS_TTL_MS = 30_000;

/** How long lock nodes remember that a session was buried, in ms: longer than it can hold a lease. */
export const BURIED_TTL_MS = 60_000;

/** `items` in pieces of at most {@link BATCH}. */
export function batches<T>(items: readonly T[]): T[][] {
  const pieces: T[][] = [];
  for (let start = 0; start < items.length; start += BATCH) pieces.push(items.slice(start, start + BATCH));
  return pieces;
}
