import type { Config } from "../../src/config/schema.ts";
import type { PullOptions } from "../../src/media/ingest/pull-options.ts";
import { receiveBudgets } from "../../src/media/receive-budgets.ts";
import { createLogger } from "../../src/ops/logger.ts";
import { systemClock } from "../../src/ops/clock.ts";

/** Options of a pull that has time, and tells nobody. */
export function quietPullOptions({ limits, rtmp, log }: Config): PullOptions {
  return {
    connectTimeout: 20_000,
    idleTimeout: 20_000,
    allowExec: false,
    limits,
    rtmp,
    budgets: receiveBudgets(limits),
    clock: systemClock,
    log: createLogger({ ...log, level: "silent" }, { service: "holdfast", origin: "test", version: "0" }),
  };
}
