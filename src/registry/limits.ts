/** Streams per script call: 1 to 5 ms of Redis, so that no other origin waits long. */
export const BATCH = 500;

/** Life of the index sets `origins` and `held:<name>` without a heartbeat, in ms. */
export const INDEX_TTL_MS = 60_000;

/** Life of `lost:<name>@<epoch>` without a heartbeat, in ms. */
export const LOST_TTL_MS = 30_000;

/** `items` in pieces of at most {@link BATCH}. */
export function batches<T>(items: readonly T[]): T[][] {
  const pieces: T[][] = [];
  for (let start = 0; start < items.length; start += BATCH) pieces.push(items.slice(start, start + BATCH));
  return pieces;
}
