import type { Lease, LeaseGrant, LeaseHolder, Leases } from "../domain/ports/leases.ts";
import { leaseValue, readLeaseValue, readReservation, reservation } from "./lease-value.ts";
import type { MemoryStore } from "./memory-store.ts";

/** Leases of one process: of an origin that runs alone, or of several origins over one store in tests. */
export class MemoryLeases implements Leases {
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async connect(): Promise<void> {}

  async close(): Promise<void> {}

  async acquire(name: string, holder: LeaseHolder, ttlMs: number): Promise<LeaseGrant> {
    const { leases } = this.#store;
    const present = leases.get(name);
    if (present !== undefined && readReservation(present) !== holder.origin)
      return { outcome: "held", by: readLeaseValue(present)?.origin ?? readReservation(present) ?? "" };
    leases.set(name, leaseValue(holder), ttlMs);
    return { outcome: "granted", lease: { name, holder } };
  }

  async extend(lease: Lease, ttlMs: number): Promise<"extended" | "lost"> {
    if (!this.#isHeld(lease)) return "lost";
    this.#store.leases.set(lease.name, leaseValue(lease.holder), ttlMs);
    return "extended";
  }

  async release(lease: Lease, reserve?: { readonly origin: string; readonly ms: number }): Promise<void> {
    if (!this.#isHeld(lease)) return;
    const { leases } = this.#store;
    if (reserve) leases.set(lease.name, reservation(reserve.origin), reserve.ms);
    else leases.delete(lease.name);
  }

  async bury(
    session: { readonly name: string; readonly epoch: number },
    names: readonly string[],
  ): Promise<number> {
    const { leases } = this.#store;
    const held = names.filter((name) => {
      const holder = readLeaseValue(leases.get(name) ?? "");
      return holder?.origin === session.name && holder.epoch === session.epoch;
    });
    for (const name of held) leases.delete(name);
    return held.length;
  }

  async inspect(name: string): ReturnType<Leases["inspect"]> {
    const { leases } = this.#store;
    const holder = readLeaseValue(leases.get(name) ?? "");
    return holder && { holder, ttlMs: leases.timeLeft(name) };
  }

  #isHeld({ name, holder }: Lease): boolean {
    return this.#store.leases.get(name) === leaseValue(holder);
  }
}
