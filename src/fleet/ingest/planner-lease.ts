import type { Logger } from "pino";
import { PLANNER_LEASE } from "../../domain/ingest.ts";
import { fenceDeadline, isBefore, momentOf, type Moment } from "../../domain/lease.ts";
import type { SessionRef } from "../../domain/origin-record.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Lease, Leases } from "../../domain/ports/leases.ts";
import type { Registry } from "../../domain/ports/registry.ts";
import type { Session } from "../session.ts";
import type { FleetSettings } from "../settings.ts";

export interface PlannerLeaseOptions {
  readonly registry: Pick<Registry, "ingests">;
  readonly leases: Leases;
  readonly session: Pick<Session, "ref" | "live" | "saw">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lease: FleetSettings["lease"];
  readonly random: () => number;
}

/** The office of the planner, while this origin has it. */
export interface Term {
  /** Fencing token of every plan that is written in it. */
  readonly number: number;
  /** The session that it was won in; it ends with it. */
  readonly ref: SessionRef;
}

interface Held {
  readonly lease: Lease;
  readonly term: Term;
  deadline: Moment;
  renewedAt: number;
}

/** After a vote that nobody won, or an expiry that is due now, ms. */
const SOON_MS = 50;

/** The lease `planner`: sought while another has it or nobody, renewed while we have it, and never believed too long. */
export class PlannerLease {
  readonly #options: PlannerLeaseOptions;
  #held: Held | undefined;

  constructor(options: PlannerLeaseOptions) {
    this.#options = options;
  }

  /** Ours, and nobody else can have it; `undefined` otherwise. */
  get term(): Term | undefined {
    const { session, clock } = this.#options;
    const held = this.#held;
    if (!held || !session.live || session.ref?.epoch !== held.term.ref.epoch) return undefined;
    return isBefore(momentOf(clock), held.deadline) ? held.term : undefined;
  }

  /**
   * Renew it, or try to get it.
   *
   * @returns in how many ms to come again, when we do not have it
   * @throws what registry and leases throw
   */
  async tend(): Promise<number> {
    const { session, lease, random } = this.#options;
    if (this.#held && !this.term) await this.giveUp("it ran out, or the session did");
    if (this.#held) await this.#renew(this.#held);
    const left = this.#held || !session.ref || !session.live ? undefined : await this.#seek(session.ref);
    const usual = lease.renewEvery * (0.9 + 0.2 * random());
    return left === undefined ? usual : Math.min(usual, left + SOON_MS * random());
  }

  /** Let others have it at once. */
  async giveUp(reason: string): Promise<void> {
    const { leases, log } = this.#options;
    const held = this.#held;
    if (!held) return;
    this.#held = undefined;
    log.info({ term: held.term.number, reason }, "planner stopped");
    await leases.release(held.lease).catch((error: unknown) => {
      log.debug({ err: error }, "planner's lease left to expire");
    });
  }

  async #renew(held: Held): Promise<void> {
    const { leases, clock, lease } = this.#options;
    if (clock.monotonic() - held.renewedAt < lease.renewEvery * 0.9) return;
    const sent = momentOf(clock);
    const answer = await leases.extend(held.lease, lease.ttl);
    if (this.#held !== held) return;
    if (answer === "lost") return this.giveUp("another has the lease");
    held.deadline = fenceDeadline(sent, lease.ttl);
    held.renewedAt = sent.monotonic;
  }

  /** @returns in how many ms it may be free; `undefined` when we have it now */
  async #seek(ref: SessionRef): Promise<number | undefined> {
    const { registry, leases, session, clock, log, lease } = this.#options;
    const present = await leases.inspect(PLANNER_LEASE);
    if (present) {
      const { holder, ttlMs } = present;
      // An earlier session of this name is over: nothing that it writes is taken.
      const ours = holder.origin === ref.name && holder.epoch < ref.epoch;
      if (!ours) return Math.max(0, ttlMs);
      await leases.bury({ name: holder.origin, epoch: holder.epoch }, [PLANNER_LEASE]);
    }
    const plan = await registry.ingests.plan();
    const number = await registry.ingests.drawToken(ref, plan.term);
    session.saw(number);
    const sent = momentOf(clock);
    const holder = { origin: ref.name, epoch: ref.epoch, token: number };
    const grant = await leases.acquire(PLANNER_LEASE, holder, lease.ttl);
    if (grant.outcome === "held") return SOON_MS;
    const deadline = fenceDeadline(sent, lease.ttl);
    this.#held = { lease: grant.lease, term: { number, ref }, deadline, renewedAt: sent.monotonic };
    log.info({ term: number, by: ref.name }, "planner elected");
    return undefined;
  }
}
