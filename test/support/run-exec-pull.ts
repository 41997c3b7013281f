import type { TestContext } from "node:test";
import { configSchema } from "../../src/config/schema.ts";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { HoldfastError } from "../../src/domain/errors.ts";
import { pullExec, type ExecPullOptions } from "../../src/media/ingest/exec-pull.ts";
import { receiveBudgets } from "../../src/media/memory-budget.ts";
import { createLogger } from "../../src/ops/logger.ts";
import { systemClock } from "../../src/ops/clock.ts";

export interface ExecPullCase extends Partial<ExecPullOptions> {
  readonly validFor?: () => number;
  /** Called with each packet; what it throws ends the pull. */
  readonly onPacket?: (packet: MediaPacket) => void;
}

/** One pull of an `exec:` source, and what came of it. */
export interface ExecPull {
  readonly packets: MediaPacket[];
  /** How often the sink was told that media may come. */
  readonly opened: number;
  /** Resolves when the pull settles: with what it was rejected with. */
  readonly end: Promise<unknown>;
  abort(reason: Error): void;
}

/** Pull `command`; the pull ends with the test at the latest. */
export function runExecPull(t: TestContext, command: string, test: ExecPullCase = {}): ExecPull {
  const { validFor = () => 5_000, onPacket = () => undefined, ...options } = test;
  const { limits, log } = configSchema.parse({});
  const stop = new AbortController();
  const packets: MediaPacket[] = [];
  let opened = 0;
  // An origin has sockets that keep it alive while a pull waits for its time.
  const alive = setInterval(() => undefined, 60_000);
  const end = pullExec(
    { url: `exec:${command}`, label: "live/cam", validFor },
    {
      opened: () => void opened++,
      write(packet) {
        packets.push(packet);
        onPacket(packet);
      },
    },
    stop.signal,
    {
      connectTimeout: 20_000,
      idleTimeout: 20_000,
      allowExec: true,
      limits,
      budgets: receiveBudgets(limits),
      clock: systemClock,
      log: createLogger({ ...log, level: "silent" }, { service: "holdfast", origin: "test", version: "0" }),
      ...options,
    },
  ).then(
    () => undefined,
    (error: unknown) => error,
  );
  void end.finally(() => clearInterval(alive));
  t.after(async () => {
    stop.abort(new HoldfastError("STOPPING"));
    await end;
  });
  return {
    packets,
    get opened() {
      return opened;
    },
    end,
    abort: (reason) => stop.abort(reason),
  };
}
