import type { Logger } from "pino";
import { HoldfastError } from "../../domain/errors.ts";
import { leaseOf, nextLeaseOf, readyLeaseOf, type IngestRecord } from "../../domain/ingest.ts";
import { momentOf } from "../../domain/lease.ts";
import type { SessionRef } from "../../domain/origin-record.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { IngestRegistry } from "../../domain/ports/ingest-registry.ts";
import type { Lease, Leases } from "../../domain/ports/leases.ts";
import { sleep } from "../patience.ts";
import type { Session } from "../session.ts";
import type { FleetSettings } from "../settings.ts";
import { LeaseGuard } from "./lease-guard.ts";
import type { HeldLease, LeaseLoss, LeaseUpkeep } from "./lease-upkeep.ts";

export interface IngestRightOptions {
  readonly ingests: () => IngestRegistry;
  readonly leases: Leases;
  readonly upkeep: LeaseUpkeep;
  readonly session: Session;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lease: FleetSettings["lease"];
  /** Fires when the run is to end: nothing is asked for any more. */
  readonly stopped: AbortSignal;
  readonly onLoss: (loss: LeaseLoss) => void;
}

export type Obtained =
  | "begun"
  /** The right to pull ahead, while the present owner goes on until there is a keyframe here. */
  | "ahead"
  /** Somebody else has it; or the answer came too late to be believed. */
  | "held"
  /** Nobody wants it pulled. */
  | "unwanted"
  /** The session is not the current one, or the run was stopped. */
  | "over";

/** How long one may pull ahead of a hand-over, in ms. */
const AHEAD_MS = 10_000;
const ASK_AGAIN_MS = 50;
/** How long the origin that an ingest moves to is waited for, before any other may take it, in ms. */
export const RESERVE_MS = 3_000;

/**
 * The right of this origin to pull one ingest: draws a token, takes the lease under it, writes the status, in this
 * order, and gives back what it took when any of it fails. After every answer it asks whether it is still wanted.
 */
export class IngestRight {
  readonly #options: IngestRightOptions;
  readonly #ref: SessionRef;
  #record: IngestRecord;
  #why: string;
  #token = 0;
  #held: HeldLease | undefined;
  #ahead: { readonly lease: Lease; readonly guard: LeaseGuard } | undefined;
  #ready: Lease | undefined;

  /** @param ref  the session that it is for: another one has other rights */
  constructor(options: IngestRightOptions, ref: SessionRef, record: IngestRecord, why: string) {
    this.#options = options;
    this.#ref = ref;
    this.#record = record;
    this.#why = why;
  }

  get ref(): SessionRef {
    return this.#ref;
  }

  get token(): number {
    return this.#token;
  }

  /** As it was when the pull was begun. */
  get record(): IngestRecord {
    return this.#record;
  }

  /** Whether the status names us. */
  get begun(): boolean {
    return this.#held !== undefined;
  }

  get believed(): boolean {
    return (this.#held?.guard ?? this.#ahead?.guard)?.believed ?? false;
  }

  get validFor(): number {
    return (this.#held?.guard ?? this.#ahead?.guard)?.validFor ?? 0;
  }

  /**
   * Ask once.
   *
   * @throws HoldfastError `REGISTRY_UNAVAILABLE`, `REGISTRY_REFUSED`, `SESSION_LOST`
   */
  async obtain(): Promise<Obtained> {
    if (!this.#wanted()) return "over";
    this.#token = await this.#options.ingests().drawToken(this.#ref, this.#record.token);
    this.#options.session.saw(this.#token);
    if (!this.#wanted()) return "over";
    const got = await this.#take(leaseOf(this.#record.stream), this.#options.lease.ttl);
    if (got && !("by" in got)) return this.#begin(got);
    if (!this.#wanted()) return "over";
    const pulledElsewhere = got && got.by !== "" && got.by !== this.#ref.name;
    return this.#record.overlap && pulledElsewhere ? this.#goAhead() : "held";
  }

  /**
   * There is a keyframe: become the owner, once the former one has stopped. Done at once unless this is ahead.
   *
   * @throws as `obtain` does, and `LEASE_LOST` when the former owner goes on for too long
   */
  async confirm(): Promise<Obtained> {
    const { leases, clock, stopped } = this.#options;
    if (!this.#ahead) return this.begun ? "begun" : "over";
    const { stream } = this.#record;
    if (!this.#ready) {
      const grant = await leases.acquire(readyLeaseOf(stream), this.#holder, AHEAD_MS);
      if (grant.outcome === "granted") this.#ready = grant.lease;
    }
    while (this.#wanted() && this.#ahead.guard.believed) {
      const got = await this.#take(leaseOf(stream), this.#options.lease.ttl);
      if (got && !("by" in got)) {
        const outcome = await this.#begin(got);
        if (outcome === "begun") await this.#leaveAhead();
        return outcome;
      }
      await sleep(clock, ASK_AGAIN_MS, stopped);
    }
    if (!this.#wanted()) return "over";
    throw new HoldfastError("LEASE_LOST", { detail: "the former owner did not let go in time" });
  }

  /** Give everything back; with `reserve` for that origin, for a moment. Never throws. */
  async release(reserve = ""): Promise<void> {
    await this.#leaveAhead();
    await this.#held?.release(reserve === "" ? undefined : { origin: reserve, ms: RESERVE_MS });
  }

  async #goAhead(): Promise<Obtained> {
    const got = await this.#take(nextLeaseOf(this.#record.stream), AHEAD_MS);
    if (!got || "by" in got) return "held";
    this.#ahead = got;
    return this.#wanted() ? "ahead" : "over";
  }

  async #begin({ lease, guard }: { lease: Lease; guard: LeaseGuard }): Promise<Obtained> {
    const { upkeep, session, onLoss } = this.#options;
    const { stream } = this.#record;
    const held = upkeep.hold(lease, guard, onLoss);
    const giveBack = async (outcome: Obtained) => {
      await held.release();
      return outcome;
    };
    try {
      if (!this.#wanted()) return await giveBack("over");
      const answer = await this.#options.ingests().begin(this.#ref, stream, this.#token, this.#why);
      if (answer.outcome === "session-lost") session.suspect(this.#ref.epoch);
      if (answer.outcome === "unwanted") return await giveBack("unwanted");
      if (answer.outcome !== "begun") return await giveBack(answer.outcome === "stale" ? "held" : "over");
      if (!this.#wanted()) return await giveBack("over");
      if (!guard.believed) return await giveBack("held");
      this.#record = answer.record;
      this.#held = held;
      return "begun";
    } catch (error) {
      await held.release();
      throw error;
    }
  }

  /** The registry has lost its status of an ingest that we go on with: write it anew. */
  async renewStatus(): Promise<boolean> {
    if (!this.believed || !this.begun) return false;
    const { stream } = this.#record;
    const answer = await this.#options.ingests().begin(this.#ref, stream, this.#token, this.#why);
    return answer.outcome === "begun";
  }

  async #take(
    name: string,
    ttlMs: number,
  ): Promise<{ lease: Lease; guard: LeaseGuard } | { by: string } | undefined> {
    const { leases, clock, session } = this.#options;
    const sent = momentOf(clock);
    const grant = await leases.acquire(name, this.#holder, ttlMs).catch((error: unknown) => {
      // It may have been taken all the same.
      void this.#giveUp({ name, holder: this.#holder });
      throw error;
    });
    if (grant.outcome === "held") return { by: grant.by };
    const { lease } = grant;
    const guard = new LeaseGuard({ clock, session, epoch: this.#ref.epoch, ttlMs, sent });
    // An answer may have been so long on its way that nothing of the lease is left.
    if (guard.believed) return { lease, guard };
    await this.#giveUp(lease);
    return undefined;
  }

  async #leaveAhead(): Promise<void> {
    const { lease, guard } = this.#ahead ?? {};
    const ready = this.#ready;
    this.#ahead = undefined;
    this.#ready = undefined;
    guard?.end();
    if (lease) await this.#giveUp(lease);
    if (ready) await this.#giveUp(ready);
  }

  async #giveUp(lease: Lease): Promise<void> {
    const { leases, log } = this.#options;
    await leases.release(lease).catch((error: unknown) => {
      log.debug({ lease: lease.name, err: error }, "lease left to expire");
    });
  }

  /** Whether the run goes on, in the session that it began in. */
  #wanted(): boolean {
    const { stopped, session } = this.#options;
    return !stopped.aborted && session.live && session.ref?.epoch === this.#ref.epoch;
  }

  get #holder() {
    return { origin: this.#ref.name, epoch: this.#ref.epoch, token: this.#token };
  }
}
