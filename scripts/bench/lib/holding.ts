import { createInterface } from "node:readline";
import { STREAM } from "./loadgen.ts";
import type { Server } from "./servers.ts";
import { compile, LOAD_CORE, run, sleep } from "./tools.ts";

/** How far connections go before they only hold on; see scripts/bench/tools/hold.cpp. */
export type Holding = "tcp" | "handshake" | "connect" | "stuck" | "half" | "loose";

/** What hold has seen so far. */
export interface Held {
  readonly opened: number;
  readonly ready: number;
  readonly closed: number;
  /** ms from the beginning of a connection to its end by the server: the first one's and the last one's. */
  readonly first_end_ms: number;
  readonly last_end_ms: number;
}

export interface Holder {
  readonly seen: Held;
  /** Wait until something is seen; false when it is not in time. */
  until(condition: (seen: Held) => boolean, withinMs: number): Promise<boolean>;
  stop(): Promise<void>;
}

/** Open connections that hold on to what they have, `ramp` a second. */
export function hold(server: Server, what: Holding, count: number, ramp: number): Holder {
  const target = [what, "127.0.0.1", String(server.rtmpPort), "live", STREAM];
  const running = run(compile("hold"), [...target, String(count), String(ramp)], { core: LOAD_CORE });
  let seen: Held = { opened: 0, ready: 0, closed: 0, first_end_ms: 0, last_end_ms: 0 };
  createInterface({ input: running.process.stdout as NodeJS.ReadableStream }).on("line", (line) => {
    seen = JSON.parse(line) as Held;
  });
  return {
    get seen() {
      return seen;
    },
    until: async (condition, withinMs) => {
      const deadline = performance.now() + withinMs;
      while (!condition(seen)) {
        if (performance.now() > deadline) return false;
        await sleep(20);
      }
      return true;
    },
    stop: () => running.stop(),
  };
}
