import type { Logger } from "pino";
import type { Config } from "../config/schema.ts";
import { HoldfastError } from "../domain/errors.ts";
import type { OriginAddresses } from "../origin.ts";
import { STARTED } from "./fleet/origin-child.ts";
import { say } from "./output.ts";
import { sayStarted } from "./say-started.ts";
import { onOrphaned, onStopSignal } from "./stop-signals.ts";
import type { WorkerLink } from "./worker-link.ts";

export interface ServeTask {
  readonly config: Config;
  readonly log: Logger;
  readonly version: string;
  /** Also stop when the parent process lets go. */
  readonly stopWithParent: boolean;
}

/** What tells one origin when to end, and who wants to know that it serves. */
interface Master {
  readonly stopAsked: Promise<string>;
  /** End at once, without a drain. */
  readonly orphaned: Promise<string>;
  started(addresses: OriginAddresses, metrics: () => Promise<string>): void;
}

export const STOP_WITHIN_MS = 10_000;

/** Run one origin in this process until it is to end: alone, or as a worker. */
export async function serveOrigin(task: ServeTask, link?: WorkerLink): Promise<void> {
  const { config, log, version } = task;
  const master: Master = link ?? processMaster(task);
  // Only here: the other commands need none of it and should start quickly.
  const { createOrigin } = await import("../origin.ts");
  const worker = link && {
    host: link.host,
    number: link.number,
    gather: (own: string) => link.gather(own),
  };
  const origin = createOrigin(config, { log, version, ...(worker ? { worker } : {}) });
  // Stopping while it still waits for the registry rejects the start; the signal is what counts then.
  const started = origin.start().then(() => master.started(origin.addresses, () => origin.metrics()));
  const failed = started.then(forever);

  const mustEnd = Promise.race([master.orphaned, origin.ended, failed]);
  const drained = origin.drained.then((how) => `drained: ${how}`);
  const signal = master.stopAsked.then(async (reason) => {
    log.info({ reason }, "stop asked for");
    await origin.drain({ final: true });
    return reason;
  });
  const end = await Promise.race([mustEnd, drained, signal]);
  log.info({ reason: typeof end === "string" ? end : end.code }, "origin stops");
  await within(STOP_WITHIN_MS, Promise.allSettled([origin.stop(), started]));
  if (process.connected) process.disconnect();
  if (end instanceof HoldfastError) throw end;
}

/** An origin that has its process for itself: signals, and the parent where there is one. */
function processMaster({ config, log, stopWithParent }: ServeTask): Master {
  return {
    stopAsked: onStopSignal(),
    orphaned: stopWithParent ? onOrphaned() : forever(),
    started(addresses) {
      sayStarted(config, addresses, log);
      if (process.connected) process.send?.({ type: STARTED });
    },
  };
}

export function forever(): Promise<never> {
  return new Promise(() => undefined);
}

async function within(ms: number, stopped: Promise<unknown>): Promise<void> {
  const timer = setTimeout(() => {
    say(`not everything stopped within ${ms / 1_000} s: ending now`);
    process.exit(1);
  }, ms);
  await stopped;
  clearTimeout(timer);
}
