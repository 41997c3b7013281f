import { fenceDeadline, isBefore, momentOf, type Moment } from "../../domain/lease.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Session } from "../session.ts";

export interface LeaseGuardOptions {
  readonly clock: Clock;
  readonly session: Pick<Session, "live" | "ref">;
  /** Of the session that asked for the lease. */
  readonly epoch: number;
  readonly ttlMs: number;
  /** When the lease was about to be asked for. */
  readonly sent: Moment;
}

/**
 * Whether a lease may still be believed in: asked before every packet.
 *
 * It may while its last renewal counts, on both clocks, and its session is live under the same epoch. What is over
 * stays over: a late answer revives nothing.
 */
export class LeaseGuard {
  readonly #options: LeaseGuardOptions;
  #deadline: Moment;
  #over = false;

  constructor(options: LeaseGuardOptions) {
    this.#options = options;
    this.#deadline = fenceDeadline(options.sent, options.ttlMs);
  }

  get believed(): boolean {
    const { clock, session, epoch } = this.#options;
    const valid = session.live && session.ref?.epoch === epoch && isBefore(momentOf(clock), this.#deadline);
    if (!valid) this.#over = true;
    return !this.#over;
  }

  /** How long it is believed in if nothing renews it, in ms; 0 when it is over. */
  get validFor(): number {
    if (!this.believed) return 0;
    const now = momentOf(this.#options.clock);
    const { monotonic, wall } = this.#deadline;
    return Math.max(0, Math.min(monotonic - now.monotonic, wall - now.wall));
  }

  /** @param sent when the renewal was about to be sent */
  renewed(sent: Moment): void {
    if (this.believed) this.#deadline = fenceDeadline(sent, this.#options.ttlMs);
  }

  /** It was given back, or is another's. */
  end(): void {
    this.#over = true;
  }
}
