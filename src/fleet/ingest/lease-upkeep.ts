import type { Logger } from "pino";
import { momentOf } from "../../domain/lease.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Lease, Leases } from "../../domain/ports/leases.ts";
import { sleep } from "../patience.ts";
import type { FleetSettings } from "../settings.ts";
import type { LeaseGuard } from "./lease-guard.ts";

export interface LeaseUpkeepOptions {
  readonly leases: Leases;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lease: FleetSettings["lease"];
}

/** Why a lease is not held any more. `fenced`: not renewed in time; nobody has said that it is another's. */
export type LeaseLoss = "lost" | "fenced";

/** A lease of this origin that is being renewed. */
export interface HeldLease {
  readonly lease: Lease;
  readonly guard: LeaseGuard;
  /** Give it back, once a renewal that is under way is through. Never throws. */
  release(reserve?: { readonly origin: string; readonly ms: number }): Promise<void>;
}

interface Entry {
  readonly lease: Lease;
  readonly guard: LeaseGuard;
  readonly onLoss: (loss: LeaseLoss) => void;
  renewal: Promise<void> | undefined;
  cancelWatch: () => void;
}

/** Longest wait for a renewal under way, before its lease is given back, in ms: with lock nodes it makes keys anew. */
const RENEWAL_PATIENCE_MS = 1_000;

/** Renews all leases of this origin in one loop, and tells of each that cannot be believed in any more. */
export class LeaseUpkeep {
  readonly #options: LeaseUpkeepOptions;
  readonly #entries = new Set<Entry>();
  #running = false;

  constructor(options: LeaseUpkeepOptions) {
    this.#options = options;
  }

  /** Keep `lease` from now on. `onLoss` is called once at most, and not after `release`. */
  hold(lease: Lease, guard: LeaseGuard, onLoss: (loss: LeaseLoss) => void): HeldLease {
    const entry: Entry = { lease, guard, onLoss, renewal: undefined, cancelWatch: () => undefined };
    this.#entries.add(entry);
    this.#watch(entry);
    if (!this.#running) this.#schedule();
    return { lease, guard, release: (reserve) => this.#release(entry, reserve) };
  }

  #schedule(): void {
    const { clock, lease } = this.#options;
    this.#running = this.#entries.size > 0;
    if (!this.#running) return;
    clock.after(lease.renewEvery, () => {
      for (const entry of this.#entries) {
        if (!entry.guard.believed) this.#lose(entry, "fenced");
        else if (!entry.renewal) this.#renew(entry);
      }
      this.#schedule();
    });
  }

  #renew(entry: Entry): void {
    const renewal = this.#extend(entry).finally(() => (entry.renewal = undefined));
    entry.renewal = renewal;
  }

  async #extend(entry: Entry): Promise<void> {
    const { leases, clock, lease, log } = this.#options;
    const { name } = entry.lease;
    const sent = momentOf(clock);
    try {
      const result = await leases.extend(entry.lease, lease.ttl);
      if (result === "lost") this.#lose(entry, "lost");
      else entry.guard.renewed(sent);
    } catch (error) {
      // Until the deadline there is time for another try.
      log.debug({ lease: name, err: error }, "lease not renewed");
    }
  }

  /** Look again when it would be over: packets may not come, or not be asked for. */
  #watch(entry: Entry): void {
    if (!this.#entries.has(entry)) return;
    if (!entry.guard.believed) return this.#lose(entry, "fenced");
    const ms = Math.max(1, entry.guard.validFor);
    entry.cancelWatch = this.#options.clock.after(ms, () => this.#watch(entry));
  }

  #lose(entry: Entry, loss: LeaseLoss): void {
    if (!this.#entries.delete(entry)) return;
    entry.guard.end();
    entry.cancelWatch();
    entry.onLoss(loss);
  }

  async #release(entry: Entry, reserve: { origin: string; ms: number } | undefined): Promise<void> {
    const { leases, clock, log } = this.#options;
    this.#entries.delete(entry);
    entry.cancelWatch();
    entry.guard.end();
    if (entry.renewal) {
      const tooLong = new AbortController();
      await Promise.race([entry.renewal, sleep(clock, RENEWAL_PATIENCE_MS, tooLong.signal)]);
      tooLong.abort();
    }
    try {
      await leases.release(entry.lease, reserve);
    } catch (error) {
      log.debug({ lease: entry.lease.name, err: error }, "lease left to expire");
    }
  }
}
