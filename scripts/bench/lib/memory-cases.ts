import type { Config } from "../../../src/config/schema.ts";
import { hold, type Held, type Holder, type Holding } from "./holding.ts";
import { measureIdle } from "./idle.ts";
import { play, publish } from "./loadgen.ts";
import { rssMb, watchRss } from "./proc.ts";
import type { Server } from "./servers.ts";
import { sleep } from "./tools.ts";

const MB = 1_048_576;

/** What a case did to a server's resident memory, in MB. */
export interface Grown {
  readonly before: number;
  readonly peak: number;
  /** Some seconds after everybody left. A process that does nothing collects nothing: this may stay near the peak. */
  readonly after: number;
  /** What the server did to those who asked for too much. */
  readonly seen?: Held;
}

export interface MemoryCase {
  readonly what: string;
  /** Where the bound comes from. */
  readonly because: string;
  /** MB that the settings allow beyond what the server had before. */
  readonly bound: number;
  /** Connections that the server must close by itself; `undefined` when that is not the point. */
  readonly closes?: number;
  run(server: Server): Promise<Grown>;
}

export interface MemoryPlan {
  readonly idle: number;
  readonly stuck: number;
  readonly half: number;
  readonly gopMinutes: number;
}

const STUCK_KBPS = 40_000;
const STUCK_MB_PER_S = STUCK_KBPS / 8_192;
const GOP_KBPS = 8_000;
/** 10 minutes of media go by in 30 s. */
const GOP_SPEED = 20;
const HALF_MB = 16;
/** What is free but not collected yet: a collector runs when there is something to gain. */
export const GARBAGE_MB = 128;
/** Everything beside media: sockets, buffers of the reader, timers. */
const CONNECTION_MB = 60 / 1_024;
const SETTLE_MS = 5_000;

/** Every case with its bound, computed from the settings that the server runs with. */
export function memoryCases({ fanout, gop, limits }: Config, plan: MemoryPlan): MemoryCase[] {
  const backlog = fanout.maxBacklog / MB;
  const group = gop.maxBytes / MB;
  // A reader is let go when it has owed twice its backlog for `dropAfter`. All that was sent meanwhile may be held by
  // somebody, once as batches and once as what new players begin with.
  const life = fanout.dropAfter / 1_000 + (3 * backlog) / STUCK_MB_PER_S;
  const half = Math.min(plan.half * HALF_MB, limits.halfReceivedTotal / MB);
  return [
    {
      what: `${plan.idle} idle connections after connect`,
      because: "60 KB each",
      bound: plan.idle * CONNECTION_MB + GARBAGE_MB,
      closes: plan.idle,
      run: async (server) => measureIdle(server, "connect", plan.idle, { ramp: 2_500, patienceMs: 30_000 }),
    },
    {
      what: `${plan.stuck} stuck readers of a 40 Mbps stream, at once`,
      because: "they share fanout.maxBacklog; gop.maxBytes on the tape and as bytes for players",
      bound: backlog + 2 * group + plan.stuck * CONNECTION_MB + GARBAGE_MB,
      closes: plan.stuck,
      run: (server) => runStuck(server, plan.stuck, 1_000),
    },
    {
      what: `${plan.stuck} stuck readers of a 40 Mbps stream, one after the other`,
      because:
        "what was sent in fanout.dropAfter and thrice fanout.maxBacklog, as batches and for new players",
      bound: 2 * life * STUCK_MB_PER_S + 2 * group + plan.stuck * CONNECTION_MB + GARBAGE_MB,
      closes: plan.stuck,
      run: (server) => runStuck(server, plan.stuck, plan.stuck / 20),
    },
    {
      what: `${plan.half} publishers, each with a half-sent message of 16 MB`,
      because: "limits.halfReceivedTotal, and a quarter: the smaller copies that a growing message leaves",
      bound: 1.25 * half + plan.half * CONNECTION_MB + GARBAGE_MB,
      closes: plan.half,
      run: (server) => runHalf(server, "half", plan.half),
    },
    {
      what: "60 half-sent messages of 16 MB on one connection that publishes nothing",
      because: "limits.messageBeforePublish x limits.chunkStreamsBeforePublish",
      bound: (limits.messageBeforePublish * limits.chunkStreamsBeforePublish) / MB + GARBAGE_MB / 4,
      closes: 1,
      run: (server) => runHalf(server, "loose", 1),
    },
    {
      what: `a group of ${plan.gopMinutes} minutes at 8 Mbps, with players of both forms`,
      because: "gop.maxBytes on the tape, and once more for players of each form",
      bound: 3 * group + GARBAGE_MB,
      run: (server) => runLongGroup(server, plan.gopMinutes),
    },
  ];
}

/** Follow the server's memory while `act` goes on, and let it settle. */
async function observed(server: Server, act: () => Promise<Held | undefined>): Promise<Grown> {
  const before = rssMb(server.pid);
  const memory = watchRss(server.pid);
  try {
    const seen = await act();
    const peak = memory.stop();
    await sleep(SETTLE_MS);
    return { before, peak, after: rssMb(server.pid), ...(seen ? { seen } : {}) };
  } finally {
    memory.stop();
  }
}

async function untilClosed(holder: Holder, count: number, withinMs: number): Promise<Held> {
  try {
    await holder.until(({ closed }) => closed >= count, withinMs);
    return holder.seen;
  } finally {
    await holder.stop();
  }
}

async function runStuck(server: Server, count: number, ramp: number): Promise<Grown> {
  const publisher = await publish(server, { kbps: STUCK_KBPS });
  await sleep(3_000);
  const grown = await observed(server, () =>
    untilClosed(hold(server, "stuck", count, ramp), count, (count / ramp) * 1_000 + 40_000),
  );
  await publisher.stop();
  return grown;
}

function runHalf(server: Server, what: Holding, count: number): Promise<Grown> {
  return observed(server, () => untilClosed(hold(server, what, count, 20), count, 40_000));
}

async function runLongGroup(server: Server, minutes: number): Promise<Grown> {
  return observed(server, async () => {
    const seconds = minutes * 60;
    const publisher = await publish(server, {
      kbps: GOP_KBPS,
      gop: seconds * 30,
      seconds,
      speed: GOP_SPEED,
    });
    // They join all along: whoever joins has the group so far made into bytes.
    const window = (seconds / GOP_SPEED) * 0.7;
    const audience = (["rtmp", "flv"] as const).map((protocol) =>
      play(server, { protocol, players: 20, ramp: 20 / window, settle: 0, window: 1 }).result(),
    );
    await publisher.done();
    await Promise.all(audience);
    return undefined;
  });
}
