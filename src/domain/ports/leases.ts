import type { SessionRef } from "../origin-record.ts";

/** Who holds a lease: readable in redis-cli as `<origin>@<epoch>#<token>`. */
export interface LeaseHolder {
  readonly origin: string;
  readonly epoch: number;
  /** Drawn before the lease was asked for; the random part of the lock. */
  readonly token: number;
}

/** A lease that was granted. Believe in it only until the deadline that was counted from before it was asked for. */
export interface Lease {
  /** Without the prefix, such as `lease:live/cam` or `planner`. */
  readonly name: string;
  readonly holder: LeaseHolder;
}

export type LeaseGrant =
  | { readonly outcome: "granted"; readonly lease: Lease }
  /** Held or reserved, `by` is the holder's name when it is known; or no quorum could be had. */
  | { readonly outcome: "held"; readonly by: string };

/** Gives leases, over one Redis or over several independent ones. Grants nothing that time alone could break. */
export interface Leases {
  /**
   * Ask once; never waits for a holder. What was granted by a minority is given back. After a failure draw a new token:
   * the old one may be given back yet.
   *
   * @throws HoldfastError `REGISTRY_UNAVAILABLE` when too few answered in time; the lease may be taken all the same,
   * and runs out by itself
   */
  acquire(name: string, holder: LeaseHolder, ttlMs: number): Promise<LeaseGrant>;
  /**
   * Renew. `lost`: another has it, or may have had it. What is left of it is given back.
   *
   * @throws HoldfastError `REGISTRY_UNAVAILABLE` when too few answered in time
   */
  extend(lease: Lease, ttlMs: number): Promise<"extended" | "lost">;
  /**
   * Give it back at once, known to a quorum when this resolves. With `reserve` only that origin may take it for so long.
   * Never throws: what cannot be told runs out by itself.
   */
  release(lease: Lease, reserve?: { readonly origin: string; readonly ms: number }): Promise<void>;
  /** End whatever a session held of `names`, on every node: its origin is proven dead. Returns how many there were. */
  bury(session: Pick<SessionRef, "name" | "epoch">, names: readonly string[]): Promise<number>;
  /** Who holds it, and for how long still (ms). For people. */
  inspect(name: string): Promise<{ readonly holder: LeaseHolder; readonly ttlMs: number } | undefined>;
  connect(): Promise<void>;
  close(): Promise<void>;
}
