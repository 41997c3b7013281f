import cluster, { type Worker } from "node:cluster";
import type { Logger } from "pino";
import { backoffMs } from "../domain/backoff.ts";
import type { OriginAddresses } from "../origin.ts";
import { STARTED } from "./fleet/origin-child.ts";
import { reportSchema, type WorkerOrder, type WorkerReport } from "./worker-link.ts";

/** How a worker ended. */
export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

interface Seat {
  readonly number: number;
  worker: Worker;
  /** It has said that it serves. */
  started: boolean;
  since: number;
  /** Failures in a row. */
  failures: number;
}

/** A question about metrics that is under way. */
interface Gathering {
  readonly asker: Seat;
  /** The asker's number for it. */
  readonly id: number;
  readonly waitsFor: Set<Seat>;
  readonly texts: string[];
}

const RESTART = { min: 200, max: 10_000 };
/** A worker that has served for so long was sound. */
const SOUND_AFTER_MS = 30_000;
/** The others answer the asker; one that hangs is not waited for. */
const GATHER_WITHIN_MS = 1_000;

/**
 * The workers of `holdfast serve --workers`: processes that run the same command line, each with its number. They share
 * the listening ports, which this process holds; it takes connections and hands them out in turn, and never sees media.
 *
 * A worker that fails once it has served is started again, with a growing pause; one that ends in order stays away.
 */
export class WorkerPool {
  readonly #log: Logger;
  readonly #seats = new Map<number, Seat>();
  readonly #gatherings = new Map<number, Gathering>();
  #asked = 0;
  readonly #timers = new Set<NodeJS.Timeout>();
  #stopping: string | undefined;
  #end: (end: WorkerEnd) => void = () => undefined;
  /** Resolves when all have ended, and none is to come: with the first failure, if there was one. */
  readonly ended: Promise<WorkerEnd> = new Promise((resolve) => (this.#end = resolve));
  #failure: WorkerEnd | undefined;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Start one worker. Resolves with its addresses when it serves; never, when it ends before that. */
  start(number: number): Promise<OriginAddresses> {
    return new Promise((resolve) => {
      const seat = this.#fork(number, 0);
      seat.worker.on("message", (message: unknown) => {
        const { data: report } = reportSchema.safeParse(message);
        if (report?.type === STARTED) resolve(report.addresses as OriginAddresses);
      });
    });
  }

  /** Ask all to end in order. */
  stop(reason: string): void {
    this.#stopping ??= reason;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    for (const seat of this.#seats.values()) this.#tell(seat, { type: "stop", reason });
    this.#checkEnd();
  }

  /** End all at once. */
  kill(): void {
    for (const { worker } of this.#seats.values()) worker.process.kill("SIGKILL");
  }

  #fork(number: number, failures: number): Seat {
    // Not in the environment: every variable named HOLDFAST_… is a setting.
    cluster.setupPrimary({ args: [...process.argv.slice(2), "--worker", String(number)] });
    const worker = cluster.fork();
    const seat: Seat = { number, worker, started: false, since: performance.now(), failures };
    this.#seats.set(number, seat);
    worker.on("message", (message: unknown) => {
      const { success, data: report } = reportSchema.safeParse(message);
      if (success) this.#take(seat, report);
    });
    // Such as a full pipe to a worker that has just been killed.
    worker.on("error", (error) => this.#log.debug({ worker: number, err: error }, "worker not reached"));
    worker.once("exit", (code: number | null, signal: string | null) => this.#gone(seat, { code, signal }));
    return seat;
  }

  #take(seat: Seat, report: WorkerReport): void {
    if (report.type === STARTED) {
      seat.started = true;
      this.#log.info({ worker: seat.number, pid: seat.worker.process.pid }, "worker started");
    } else if (report.type === "gather-metrics") this.#gather(seat, report.id);
    else this.#told(report.id, seat, report.text);
  }

  #gone(seat: Seat, end: WorkerEnd): void {
    const { number, started } = seat;
    this.#seats.delete(number);
    for (const question of [...this.#gatherings.keys()]) this.#told(question, seat, undefined);
    const failed = end.code !== 0;
    if (this.#stopping !== undefined || !failed) {
      if (failed) this.#failure ??= end;
      this.#log.info({ worker: number, ...end }, "worker ended");
      return this.#checkEnd();
    }
    // The first start: its own log says why, and trying again would not help.
    if (!started && seat.failures === 0) {
      this.#failure ??= end;
      return this.stop(`worker ${number} did not start`);
    }
    this.#again(seat, end);
  }

  #again(seat: Seat, end: WorkerEnd): void {
    const { number } = seat;
    const sound = seat.started && performance.now() - seat.since >= SOUND_AFTER_MS;
    const failures = sound ? 1 : seat.failures + 1;
    const ms = Math.round(backoffMs(failures - 1, RESTART, Math.random()));
    this.#log.error({ worker: number, ...end, ms }, "worker failed; it is started again");
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#fork(number, failures);
    }, ms);
    this.#timers.add(timer);
  }

  #checkEnd(): void {
    if (this.#seats.size > 0 || this.#timers.size > 0) return;
    this.#end(this.#failure ?? { code: 0, signal: null });
  }

  #gather(asker: Seat, id: number): void {
    const others = [...this.#seats.values()].filter((seat) => seat !== asker && seat.started);
    const question = ++this.#asked;
    this.#gatherings.set(question, { asker, id, waitsFor: new Set(others), texts: [] });
    for (const seat of others) this.#tell(seat, { type: "metrics-wanted", id: question });
    setTimeout(() => this.#gathered(question), GATHER_WITHIN_MS).unref();
    if (others.length === 0) this.#gathered(question);
  }

  #told(question: number, seat: Seat, text: string | undefined): void {
    const gathering = this.#gatherings.get(question);
    if (!gathering?.waitsFor.delete(seat)) return;
    if (text !== undefined) gathering.texts.push(text);
    if (gathering.waitsFor.size === 0) this.#gathered(question);
  }

  #gathered(question: number): void {
    const gathering = this.#gatherings.get(question);
    if (!this.#gatherings.delete(question) || !gathering) return;
    const { asker, id, texts } = gathering;
    this.#tell(asker, { type: "metrics-gathered", id, texts });
  }

  #tell({ worker }: Seat, order: WorkerOrder): void {
    if (worker.isConnected()) worker.send(order, undefined, () => undefined);
  }
}
