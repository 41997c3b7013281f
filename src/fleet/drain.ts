import type { Logger } from "pino";
import {
  nextDrainStep,
  type DrainEnd,
  type DrainProgress,
  type DrainStep,
  type PeersSeen,
} from "../domain/drain-state.ts";
import { HoldfastError } from "../domain/errors.ts";
import type { OriginDescription, OriginRecord } from "../domain/origin-record.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Registry } from "../domain/ports/registry.ts";
import type { DrainGate } from "./drain-gate.ts";
import { broadcast, sleep } from "./patience.ts";
import type { Session } from "./session.ts";
import type { FleetSettings } from "./settings.ts";

/** Something that an origin does for its fleet, besides its encoders, and that another takes up when it drains. */
export interface DrainDuty {
  /** How much of it is left here. */
  count(): number;
  /** Begin to give it away; called once per drain. `over` fires when the drain is over, or was left. */
  handOver(over: AbortSignal): void;
}

export interface DrainOptions {
  readonly registry: Pick<Registry, "listOrigins">;
  readonly session: Pick<Session, "hurry">;
  readonly gate: DrainGate;
  /** Players that are here, those included that wait for a stream. */
  readonly players: () => number;
  readonly duties: readonly DrainDuty[];
  readonly describe: () => Pick<OriginDescription, "name" | "rtmp">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: FleetSettings["drain"];
}

interface Run {
  progress: DrainProgress;
  /** It cannot be left: the process ends afterwards. */
  final: boolean;
  readonly over: AbortController;
  readonly ended: Promise<DrainEnd>;
}

const CHECK_EVERY_MS = 100;
const LOOK_EVERY_MS = 1_000;

/**
 * The drain of this origin: it takes no new streams, tells its encoders, resets them, and waits until its players are
 * gone. What comes next is decided by `nextDrainStep` each time; nothing but the time is remembered in between.
 */
export class Drain {
  readonly #options: DrainOptions;
  #run: Run | undefined;
  #peers: readonly OriginRecord[] = [];
  #seen: PeersSeen = "asking";
  #turn = 0;
  #finish: (how: DrainEnd) => void = () => {};
  /** Resolves when a drain has come to its end: the origin is to be stopped. */
  readonly finished: Promise<DrainEnd> = new Promise((resolve) => (this.#finish = resolve));

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get active(): boolean {
    return this.#run !== undefined;
  }

  /** Until the deadline, in ms. */
  get timeLeft(): number {
    const { clock, settings } = this.#options;
    return this.#run ? Math.max(0, this.#run.progress.began + settings.deadline - clock.monotonic()) : 0;
  }

  /** Begin to drain, or join the drain that is under way. Resolves when it is over. */
  begin({ final = false } = {}): Promise<DrainEnd> {
    const run = this.#run ?? this.#start();
    run.final ||= final;
    return run.ended;
  }

  /** Take new streams again. False when there is no drain, or it cannot be left. */
  leave(): boolean {
    if (!this.#run || this.#run.final || this.#run.over.signal.aborted) return false;
    this.#end(this.#run, "left");
    return true;
  }

  /** The origin stops, which gives back all there is. */
  stop(): void {
    if (this.#run) this.#run.over.abort("stopped" satisfies DrainEnd);
  }

  #start(): Run {
    const { gate, session, duties, clock, log, settings } = this.#options;
    const over = broadcast();
    const ended = new Promise<DrainEnd>((resolve) => {
      over.signal.addEventListener("abort", () => resolve(over.signal.reason as DrainEnd), { once: true });
    });
    const progress = { began: clock.monotonic(), told: undefined, reset: false };
    const run: Run = { progress, final: false, over, ended };
    this.#run = run;
    this.#seen = "asking";
    gate.close(() => this.#refusal());
    session.hurry();
    log.info({ encoders: gate.encoders, players: this.#options.players(), ...settings }, "drain began");
    for (const duty of duties) duty.handOver(over.signal);
    void this.#look(run);
    void this.#watch(run);
    return run;
  }

  async #watch(run: Run): Promise<void> {
    while (!run.over.signal.aborted) {
      this.#take(run, this.#next(run));
      await sleep(this.#options.clock, CHECK_EVERY_MS, run.over.signal);
    }
  }

  #next(run: Run): DrainStep {
    const { gate, players, duties, clock, settings } = this.#options;
    const view = {
      now: clock.monotonic(),
      peers: this.#seen,
      encoders: gate.encoders,
      players: players(),
      duties: duties.reduce((sum, duty) => sum + duty.count(), 0),
    };
    return nextDrainStep(run.progress, view, settings);
  }

  #take(run: Run, step: DrainStep): void {
    const { gate, clock, log, describe } = this.#options;
    if (step.do === "end") return this.#end(run, step.how);
    if (step.do === "wait") return;
    const fields = { encoders: gate.encoders };
    if (step.do === "tell") {
      run.progress = { ...run.progress, told: clock.monotonic() };
      gate.tell({ from: describe().rtmp, next: () => this.#nextAddress() });
      if (fields.encoders > 0) log.info(fields, "encoders told to go");
    } else {
      run.progress = { ...run.progress, reset: true };
      gate.reset(this.#refusal());
      if (fields.encoders > 0) log.info(fields, "encoders reset");
    }
  }

  #end(run: Run, how: DrainEnd): void {
    const { gate, session, clock, log, players } = this.#options;
    const ms = Math.round(clock.monotonic() - run.progress.began);
    log.info({ how, ms, encoders: gate.encoders, players: players() }, "drain over");
    if (how === "left") {
      this.#run = undefined;
      gate.open();
      session.hurry();
    } else this.#finish(how);
    run.over.abort(how);
  }

  /** Who could take our streams? Asked again and again: the others may be about to go, too. */
  async #look(run: Run): Promise<void> {
    const { registry, describe, clock, log } = this.#options;
    while (!run.over.signal.aborted) {
      try {
        const origins = await registry.listOrigins();
        if (run.over.signal.aborted) return;
        this.#peers = origins.filter(({ name, state }) => name !== describe().name && state === "up");
        this.#seen = this.#peers.length > 0 ? "some" : "none";
      } catch (error) {
        if (run.over.signal.aborted) return;
        if (this.#seen !== "silent") log.warn({ err: error }, "drain waits for the registry");
        this.#seen = "silent";
      }
      await sleep(clock, LOOK_EVERY_MS, run.over.signal);
    }
  }

  /** Those with an address take turns, so that not all encoders go to one. */
  #nextAddress(): string {
    const addresses = this.#peers.map(({ rtmp }) => rtmp).filter((rtmp) => rtmp !== "");
    return addresses[this.#turn++ % addresses.length] ?? "";
  }

  #refusal(): HoldfastError {
    const detail = `origin ${this.#options.describe().name} is draining: connect again to reach another one`;
    return new HoldfastError("ORIGIN_DRAINING", { detail });
  }
}
