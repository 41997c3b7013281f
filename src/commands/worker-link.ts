import cluster from "node:cluster";
import { z } from "zod";
import type { OriginAddresses } from "../origin.ts";
import { STARTED } from "./fleet/origin-child.ts";

/** What the first process tells a worker. */
const orderSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal("stop"), reason: z.string() }),
  /** Tell your metrics. */
  z.object({ type: z.literal("metrics-wanted"), id: z.number() }),
  /** What the other workers told. */
  z.object({ type: z.literal("metrics-gathered"), id: z.number(), texts: z.array(z.string()) }),
]);
export type WorkerOrder = z.infer<typeof orderSchema>;

/** What a worker tells the first process. */
export const reportSchema = z.discriminatedUnion("type", [
  z.object({ type: z.literal(STARTED), addresses: z.record(z.string(), z.string()) }),
  /** Ask the other workers for their metrics. */
  z.object({ type: z.literal("gather-metrics"), id: z.number() }),
  z.object({ type: z.literal("metrics"), id: z.number(), text: z.string() }),
]);
export type WorkerReport = z.infer<typeof reportSchema>;

/** A worker that does not answer is left out of the metrics after this time. */
const GATHER_WITHIN_MS = 2_000;

/** A worker's line to the first process, which holds the ports and no media. */
export class WorkerLink {
  /** From 1. */
  readonly number: number;
  readonly host: string;
  /** Resolves with the reason when this worker is asked to stop, by the first process or by a SIGTERM of its own. */
  readonly stopAsked: Promise<string>;
  /** Resolves when the first process is gone, however it ended. */
  readonly orphaned: Promise<string>;
  readonly #gathering = new Map<number, (texts: readonly string[]) => void>();
  #gathered = 0;
  #metrics: () => Promise<string> = () => Promise.resolve("");
  #stop: (reason: string) => void = () => undefined;

  constructor(number: number, host: string) {
    this.number = number;
    this.host = host;
    this.stopAsked = new Promise((resolve) => (this.#stop = resolve));
    this.orphaned = new Promise((resolve) => {
      process.once("disconnect", () => resolve("the first process is gone"));
    });
    // Else node:cluster ends this process the moment the first one is gone, and nothing is given back.
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
    // Ctrl-C reaches every process of the terminal, and systemd sends SIGTERM to every process of a service: the
    // first process decides what a second signal means.
    process.on("SIGINT", () => undefined);
    process.on("SIGTERM", () => this.#stop("SIGTERM"));
    process.on("message", (message: unknown) => this.#take(message));
  }

  /** It serves. `metrics`: what this worker tells of itself. */
  started(addresses: OriginAddresses, metrics: () => Promise<string>): void {
    this.#metrics = metrics;
    this.#send({ type: STARTED, addresses });
  }

  /** The metrics of all workers, of which `own` are ours. */
  async gather(own: string): Promise<readonly string[]> {
    if (!process.connected) return [own];
    const id = ++this.#gathered;
    const others = new Promise<readonly string[]>((resolve) => {
      this.#gathering.set(id, resolve);
      setTimeout(() => resolve([]), GATHER_WITHIN_MS).unref();
    });
    this.#send({ type: "gather-metrics", id });
    const texts = await others;
    this.#gathering.delete(id);
    return [own, ...texts];
  }

  #take(message: unknown): void {
    const { success, data: order } = orderSchema.safeParse(message);
    if (!success) return;
    if (order.type === "stop") this.#stop(order.reason);
    else if (order.type === "metrics-gathered") this.#gathering.get(order.id)?.(order.texts);
    else
      void this.#metrics().then(
        (text) => this.#send({ type: "metrics", id: order.id, text }),
        () => undefined,
      );
  }

  #send(report: WorkerReport): void {
    // The first process may have gone meanwhile.
    if (process.connected) process.send?.(report, undefined, undefined, () => undefined);
  }
}
