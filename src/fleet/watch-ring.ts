import { createHash } from "node:crypto";
import type { OriginRecord } from "../domain/origin-record.ts";

/** How many peers an origin watches. */
export const WATCHED = 3;

/**
 * The peers that `self` watches: the next ones on a ring of all origins, ordered by a hash of their names.
 *
 * On a ring everybody is watched by as many as it watches, which choices made one by one could not promise. The hash
 * keeps origins of one host, whose names are alike, from watching only each other.
 */
export function watchedPeers(self: string, origins: readonly OriginRecord[]): OriginRecord[] {
  const ring = origins
    .filter(({ name, peer }) => peer !== "" || name === self)
    .map((origin) => ({ origin, hash: createHash("sha256").update(origin.name).digest("hex") }))
    .sort((one, other) => (one.hash < other.hash ? -1 : 1))
    .map(({ origin }) => origin);
  const at = ring.findIndex(({ name }) => name === self);
  if (at < 0) return [];
  return [...ring.slice(at + 1), ...ring.slice(0, at)].slice(0, WATCHED);
}
