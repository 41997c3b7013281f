import { availableParallelism } from "node:os";
import type { Config } from "../config/schema.ts";
import { HoldfastError } from "../domain/errors.ts";
import { STARTED } from "./fleet/origin-child.ts";
import { sayStarted } from "./say-started.ts";
import { forever, STOP_WITHIN_MS, type ServeTask } from "./serve-origin.ts";
import { onOrphaned, onStopSignal } from "./stop-signals.ts";
import { WorkerPool } from "./worker-pool.ts";

/** How much longer than its own time-outs a worker may take to end before it is killed. */
const SPARE_MS = 5_000;

/** How many processes the settings ask for. */
export function workerCount({ workers }: Config): number {
  return workers.count === 0 ? availableParallelism() : workers.count;
}

/** The settings of one worker: an origin of the fleet with a name of its own. */
export function workerConfig(config: Config, number: number): Config {
  return Object.freeze({ ...config, name: `${config.name}.${number}` });
}

/**
 * Run several workers until they are to end. The first one starts alone, so that what is wrong with the settings or the
 * ports is said once.
 *
 * @throws HoldfastError `INTERNAL` when a worker could not start, with what to look for
 */
export async function serveWorkers(task: ServeTask): Promise<void> {
  const { config, log, stopWithParent } = task;
  const count = workerCount(config);
  const pool = new WorkerPool(log);
  // Whatever ends this process, a second signal for one, ends the workers, too.
  process.on("exit", () => pool.kill());

  const started = start(pool, count).then((addresses) => {
    sayStarted(config, addresses, log, count);
    if (process.connected) process.send?.({ type: STARTED });
    return forever();
  });
  const stopAsked = onStopSignal();
  const orphaned = stopWithParent ? onOrphaned() : forever();

  const reason = await Promise.race([stopAsked, orphaned, pool.ended, started]);
  if (typeof reason === "string") {
    log.info({ reason }, "stop asked for");
    pool.stop(reason);
  }
  const hurry = setTimeout(() => pool.kill(), config.drain.deadline + STOP_WITHIN_MS + SPARE_MS);
  const { code, signal } = await pool.ended;
  clearTimeout(hurry);
  if (process.connected) process.disconnect();
  if (code === 0) return;
  // A worker has said on stderr what was wrong; its exit code is ours, too.
  if (code !== null) return void (process.exitCode = code);
  throw new HoldfastError("INTERNAL", { detail: `a worker was ended by ${signal ?? "an unknown cause"}` });
}

async function start(pool: WorkerPool, count: number) {
  const addresses = await pool.start(1);
  const others = Array.from({ length: count - 1 }, (_, index) => pool.start(index + 2));
  await Promise.all(others);
  return addresses;
}
