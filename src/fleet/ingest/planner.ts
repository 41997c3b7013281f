import type { Logger } from "pino";
import { asHoldfastError, type HoldfastError } from "../../domain/errors.ts";
import { place } from "../../domain/placement/place.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { Leases } from "../../domain/ports/leases.ts";
import type { Registry } from "../../domain/ports/registry.ts";
import { sleep } from "../patience.ts";
import type { Session } from "../session.ts";
import type { FleetSettings } from "../settings.ts";
import { MoveBudget } from "./move-budget.ts";
import { planDifference } from "./plan-diff.ts";
import {
  fulfilledWishes,
  isAnythingHeld,
  placementInput,
  waitingLines,
  type FleetView,
} from "./planner-input.ts";
import { PlannerLease, type Term } from "./planner-lease.ts";
import { SessionWatch } from "./session-watch.ts";
import { StuckLines } from "./stuck-lines.ts";

export interface PlannerOptions {
  readonly registry: Registry;
  readonly leases: Leases;
  readonly session: Pick<Session, "ref" | "live" | "saw" | "now">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly lease: FleetSettings["lease"];
  /** Name of this origin. */
  readonly self: string;
  /** From 0 to 1; for jitter. */
  readonly random: () => number;
}

/** A plan is at most so old, ms. */
const PLAN_EVERY_MS = 1_000;
/** Between two rounds that notices asked for, ms. */
const LEAST_PAUSE_MS = 100;
/** A fleet that has just begun waits for the rest of its origins, ms. */
const SETTLE_MS = 2_000;
const SWEEP_EVERY_MS = 5_000;
/** After a session should have ended, ms. */
const AFTER_EXPIRY_MS = 5;

/**
 * Plans where ingests run, while this origin has the lease `planner`, and tries to get that lease while it has not.
 *
 * Once a second, and at once when a notice says that something changed, or when a session that has stopped beating
 * ends: read what there is, place, write the differences. Nothing is remembered that another planner would need.
 */
export class Planner {
  readonly #options: PlannerOptions;
  readonly #lease: PlannerLease;
  readonly #stopped = new AbortController();
  #wake = new AbortController();
  #loop: Promise<void> = Promise.resolve();
  #unlisten: () => void = () => {};
  #budget = new MoveBudget();
  #stuck = new StuckLines();
  #sessions = new SessionWatch();
  #term = 0;
  /** Monotonic ms: there was nothing to plan a moment ago, and until then only new ingests are looked for. */
  #idleUntil = -Infinity;
  #sweptAt = -Infinity;
  #troubled = false;

  constructor(options: PlannerOptions) {
    this.#options = options;
    this.#lease = new PlannerLease(options);
  }

  /** Whether this origin plans. */
  get active(): boolean {
    return this.#lease.term !== undefined;
  }

  /** The session has begun. */
  async start(): Promise<void> {
    this.#loop = this.#run();
    const { registry, self } = this.#options;
    const unlisten = await registry.onNotice(self, ({ type }) => type === "ingests" && this.wake());
    if (this.#stopped.signal.aborted) unlisten();
    else this.#unlisten = unlisten;
  }

  /** Let another plan at once. To be called before the session ends. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#wake.abort();
    this.#unlisten();
    await this.#loop;
    await this.#lease.giveUp("stopping");
  }

  /** Something has changed: have a look now. */
  wake(): void {
    this.#wake.abort();
  }

  async #run(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stopped.signal.aborted) {
      this.#wake = new AbortController();
      const began = clock.monotonic();
      const pause = await this.#turn();
      await sleep(clock, pause, this.#wake.signal);
      await sleep(clock, Math.max(0, began + LEAST_PAUSE_MS - clock.monotonic()), this.#stopped.signal);
    }
  }

  /** @returns how long nothing is to be done, in ms */
  async #turn(): Promise<number> {
    const { lease } = this.#options;
    try {
      const again = await this.#lease.tend();
      const { term } = this.#lease;
      const pause = term ? await this.#round(term) : again;
      this.#note(undefined);
      return pause;
    } catch (thrown) {
      this.#note(asHoldfastError(thrown, "INTERNAL"));
      return lease.renewEvery / 2;
    }
  }

  async #round(term: Term): Promise<number> {
    const { registry, session, clock, lease, log } = this.#options;
    this.#begin(term);
    const records = await registry.ingests.list();
    if (records.length === 0 && clock.monotonic() < this.#idleUntil) return 2 * lease.renewEvery;
    const [plan, origins] = await Promise.all([registry.ingests.plan(), registry.listOrigins()]);
    const view = { now: session.now(), records, plan, origins };
    const next = await this.#nextExpiry(view);
    const now = clock.monotonic();
    this.#stuck.look(waitingLines(view), now);
    const marks = (stream: (typeof records)[number]["stream"]) => this.#stuck.marks(stream, now, view.now);
    const placed = place(placementInput(view, this.#budget.allowed(now, records.length), marks));
    const { changed, removed } = isSettled(view)
      ? planDifference(plan.lines, placed.lines)
      : { changed: [], removed: [] };
    if (this.#lease.term !== term) return 0;
    if (!(await registry.ingests.writePlan(term.ref, term.number, changed, removed))) {
      await this.#lease.giveUp("a later planner has written, or the lease is lost");
      return lease.renewEvery / 2;
    }
    this.#budget.spend(placed.moves);
    if (changed.length + removed.length > 0)
      log.info({ term: term.number, changed: changed.length, removed: removed.length }, "plan written");
    await this.#tidy(term, view);
    // A fleet without ingests pays a question now and then; after two TTLs its plan would count as old.
    if (records.length + plan.lines.length === 0) this.#idleUntil = clock.monotonic() + lease.ttl;
    return Math.min(PLAN_EVERY_MS, lease.renewEvery, next);
  }

  /** What was seen in an earlier term is too old to count. */
  #begin(term: Term): void {
    if (this.#term === term.number) return;
    this.#term = term.number;
    this.#stuck = new StuckLines();
    this.#budget = new MoveBudget();
    this.#sessions = new SessionWatch();
    this.#idleUntil = -Infinity;
  }

  /** In how many ms the next session may end. */
  async #nextExpiry({ origins }: FleetView): Promise<number> {
    const { registry, clock, lease } = this.#options;
    const silent = this.#sessions.silent(origins, clock.monotonic(), lease.renewEvery * 1.5);
    const left = await Promise.all(silent.map((name) => registry.sessionTimeLeft(name)));
    return Math.min(...left) + AFTER_EXPIRY_MS;
  }

  async #tidy({ ref, number }: Term, view: FleetView): Promise<void> {
    const { registry, clock, log } = this.#options;
    for (const stream of fulfilledWishes(view)) await registry.ingests.setMove(stream, "", "planner");
    if (clock.monotonic() - this.#sweptAt < SWEEP_EVERY_MS) return;
    this.#sweptAt = clock.monotonic();
    const swept = await registry.ingests.sweep(ref, number);
    if (swept > 0) log.info({ term: number, swept }, "ingests swept");
  }

  /** One line when planning fails, and one when it works again. */
  #note(error: HoldfastError | undefined): void {
    const { log } = this.#options;
    if (error && !this.#troubled && error.code !== "SESSION_LOST")
      log.warn({ code: error.code, detail: error.message }, "planning failed");
    if (!error && this.#troubled) log.info("planning works again");
    this.#troubled = error !== undefined && error.code !== "SESSION_LOST";
  }
}

/** False only while a fleet has just begun, and not everybody may be there. */
function isSettled(view: FleetView): boolean {
  const first = Math.min(...view.origins.map(({ since }) => since));
  if (view.now - first >= SETTLE_MS || isAnythingHeld(view)) return true;
  const { lines } = view.plan;
  const present = new Set(view.origins.map(({ name }) => name));
  return lines.length > 0 && lines.every(({ origin }) => present.has(origin));
}
