import type { Logger } from "pino";
import { backoffMs } from "../../domain/backoff.ts";
import { asHoldfastError, type HoldfastError } from "../../domain/errors.ts";
import type { IngestRecord, IngestState } from "../../domain/ingest.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import { broadcast, sleep } from "../patience.ts";
import { isMarked } from "./failure-marks.ts";
import { IngestRight } from "./ingest-right.ts";
import type { IngestTools } from "./ingest-tools.ts";
import type { LeaseLoss } from "./lease-upkeep.ts";
import { Pulling, type PullingEnd, type Stop } from "./pulling.ts";

/** How an ingest's run here is to end. */
export interface RunStop extends Stop {
  /** Origin that the lease is kept for, for a moment; absent when anybody may have it. */
  readonly reserve?: string;
}

export interface IngestRunOptions {
  readonly tools: IngestTools;
  readonly stream: StreamKey;
  /** Why here, for people. */
  readonly why: string;
  /** Whether it should be pulled at all. */
  readonly isWanted: (record: IngestRecord) => boolean;
}

/** A lease that another has is asked for again after so long. */
const ASK_AGAIN = { min: 100, max: 500 };

/**
 * One ingest at this origin, from the plan's line to the lease given back:
 * a turn to start -> a fresh read -> its last owner -> the right -> the pull. It ends in the order pull, stream, lease.
 */
export class IngestRun {
  readonly stream: StreamKey;
  readonly #options: IngestRunOptions;
  readonly #log: Logger;
  readonly #stopped = broadcast();
  #stop: RunStop = { how: "broken", reason: "pull ended" };
  /** As it was read last before it was begun. */
  #record: IngestRecord | undefined;
  #right: IngestRight | undefined;
  #pulling: Pulling | undefined;
  /** Resolves when nothing is left of it. */
  readonly done: Promise<PullingEnd>;

  constructor(options: IngestRunOptions) {
    this.stream = options.stream;
    this.#options = options;
    this.#log = options.tools.log.child({ stream: options.stream });
    this.done = this.#run();
  }

  /** Whether a connection to the source may be open. */
  get pulling(): boolean {
    return this.#pulling?.pulling ?? false;
  }

  /** Whether it has been told to end. */
  get ending(): boolean {
    return this.#stopped.signal.aborted;
  }

  get state(): IngestState {
    return this.#pulling?.report.status.state ?? "idle";
  }

  /** Token under which it was begun; 0 while it was not. */
  get token(): number {
    return this.#right?.begun ? this.#right.token : 0;
  }

  /** End it; the first reason counts. */
  stop(stop: RunStop): void {
    if (this.ending) return;
    this.#stop = stop;
    this.#stopped.abort();
    this.#pulling?.stop(stop);
  }

  /** What a fresh read of the record says. */
  reread(record: IngestRecord): void {
    const right = this.#right;
    if (!right?.begun || this.ending) return;
    if (record.token > right.token) return this.stop({ how: "broken", reason: "begun elsewhere" });
    // The registry was emptied, and the definition came back without us.
    if (record.token < right.token) void right.renewStatus().catch(() => false);
    this.#pulling?.redefine(record);
  }

  /** Write what was not written yet. */
  tend(): void {
    this.#pulling?.report.tend();
  }

  async #run(): Promise<PullingEnd> {
    const { tools } = this.#options;
    let end: PullingEnd = "over";
    try {
      await tools.bucket.take(this.#stopped.signal);
      const right = await this.#obtain();
      if (right) end = await this.#pull(right);
    } catch (thrown) {
      const error = asHoldfastError(thrown, "INTERNAL");
      const level = error.code === "INTERNAL" ? "error" : "debug";
      this.#log[level]({ err: error }, "ingest not begun");
      await this.#disown(error);
    }
    await this.#leave(end);
    return end;
  }

  async #obtain(): Promise<IngestRight | undefined> {
    const { tools, why, isWanted } = this.#options;
    const { registry, session, here, clock, random, ownerGoesOn } = tools;
    const { signal } = this.#stopped;
    for (let asked = 0; !signal.aborted; asked++) {
      const { ref } = session;
      if (!ref || !session.live) return undefined;
      const record = await registry.ingests.get(this.stream);
      if (signal.aborted || !record || !isWanted(record)) return undefined;
      if (isMarked(record.marks, here.name, session.now())) return undefined;
      this.#record = record;
      const goesOn = await ownerGoesOn(record);
      if (signal.aborted) return undefined;
      if (!goesOn) {
        const right = new IngestRight({ ...this.#rightOptions(), stopped: signal }, ref, record, why);
        this.#right = right;
        const outcome = await right.obtain();
        if (outcome === "begun" || outcome === "ahead") return right;
        await right.release();
        if (outcome !== "held") return undefined;
      }
      await sleep(clock, backoffMs(asked, ASK_AGAIN, random()), signal);
    }
    return undefined;
  }

  #rightOptions() {
    const { registry, leases, upkeep, session, clock, settings } = this.#options.tools;
    const shared = { leases, upkeep, session, clock, log: this.#log, lease: settings.lease };
    return { ...shared, ingests: () => registry.ingests, onLoss: (loss: LeaseLoss) => this.#lose(loss) };
  }

  async #pull(right: IngestRight): Promise<PullingEnd> {
    const { tools } = this.#options;
    const { owner } = right.record;
    this.#log.info({ token: right.token, owner, why: this.#options.why }, "ingest begun");
    const pulling = new Pulling(tools, right, this.#log);
    this.#pulling = pulling;
    if (this.ending) pulling.stop(this.#stop);
    return pulling.run();
  }

  #lose(loss: LeaseLoss): void {
    const { counts } = this.#options.tools;
    if (loss === "fenced") counts.fences++;
    else counts.losses++;
    this.#log.warn({ token: this.#right?.token, loss }, "ingest lease lost");
    this.stop({ how: "broken", reason: loss === "fenced" ? "lease not renewed in time" : "lease lost" });
  }

  async #leave(end: PullingEnd): Promise<void> {
    const right = this.#right;
    if (!right) return;
    const { reserve = "", reason } = this.#stop;
    // The next owner need not ask whether we go on, and the planner sees that nobody pulls it.
    if (end === "over" && right.begun) this.#pulling?.report.set({ state: "idle" });
    const token = this.token;
    await this.#pulling?.report.write();
    await right.release(reserve);
    if (token > 0)
      this.#log.info(
        { token, reason: end === "failed" ? "failed here" : reason, reserve },
        "ingest released",
      );
  }

  /**
   * It cannot be begun, and its record may still say that this origin pulls it, when the end of the last pull could not
   * be written: the planner would wait for ever. Fenced by the token of that pull. Never throws.
   */
  async #disown({ message: error }: HoldfastError): Promise<void> {
    const { registry, session, here } = this.#options.tools;
    const { ref } = session;
    const record = this.#record;
    if (!ref || record?.owner !== here.name || record.epoch !== ref.epoch || record.state === "idle") return;
    const { token, profile, marks } = record;
    const status = { state: "idle", profile, error, marks } as const;
    await registry.ingests.report(ref, this.stream, token, status).catch((thrown: unknown) => {
      this.#log.debug({ err: thrown }, "ingest status not written");
    });
  }
}
