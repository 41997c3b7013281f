import { hold, type Held } from "./holding.ts";
import { cpuSeconds, rssMb, watchRss } from "./proc.ts";
import type { Server } from "./servers.ts";
import { sleep } from "./tools.ts";

export const IDLE_STATES = ["tcp", "handshake", "connect"] as const;
export type IdleState = (typeof IDLE_STATES)[number];

/** What so many idle connections did to a server. Memory in MB. */
export interface Idle {
  readonly server: string;
  readonly state: IdleState;
  readonly count: number;
  /** Most that were open and idle at the same time. */
  readonly open: number;
  readonly before: number;
  readonly peak: number;
  /** CPU seconds for opening them. */
  readonly cpu: number;
  /** What the server had closed by itself when we stopped waiting. */
  readonly seen: Held;
  /** Some seconds after all were gone. */
  readonly after: number;
}

const OPEN_WITHIN_MS = 60_000;
/** So long an operating system may take to show that memory is free, and a runtime to give it back. */
const SETTLE_MS = 5_000;

/** Open `count` connections that go idle in a state, and wait until the server has closed them or `patienceMs` are over. */
export async function measureIdle(
  server: Server,
  state: IdleState,
  count: number,
  plan: { ramp: number; patienceMs: number },
): Promise<Idle> {
  const before = rssMb(server.pid);
  const cpu = cpuSeconds(server.pid);
  const memory = watchRss(server.pid);
  const holder = hold(server, state, count, plan.ramp);
  try {
    let open = 0;
    await holder.until(({ ready, closed }) => {
      open = Math.max(open, ready - closed);
      return ready >= count || closed > 0;
    }, OPEN_WITHIN_MS);
    // What the server still does for them belongs to them.
    await sleep(500);
    const spent = cpuSeconds(server.pid) - cpu;
    await holder.until(({ closed }) => closed >= count, plan.patienceMs);
    const { seen } = holder;
    await holder.stop();
    await sleep(SETTLE_MS);
    const after = rssMb(server.pid);
    return { server: server.name, state, count, open, before, peak: memory.stop(), cpu: spent, seen, after };
  } finally {
    memory.stop();
    await holder.stop();
  }
}

/** KB of memory for one connection. */
export function kbPerConnection({ before, peak, open }: Idle): number {
  return ((peak - before) * 1_024) / open;
}
