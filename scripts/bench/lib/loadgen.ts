import type { Server } from "./servers.ts";
import { compile, LOAD_CORE, printed, run, says, SERVER_CORE, type Running } from "./tools.ts";

export type Protocol = "rtmp" | "flv" | "ws";

export interface PublishPlan {
  readonly streams?: number;
  /** Of each stream. */
  readonly kbps?: number;
  /** Frames from keyframe to keyframe, at 30 a second. */
  readonly gop?: number;
  /** Media seconds to send; without it until it is stopped. */
  readonly seconds?: number;
  /** Media seconds per second. */
  readonly speed?: number;
}

/** What a publisher says at its end. */
export interface Published {
  readonly mbps: number;
  readonly msgs_s: number;
  /** ms that it was late with a message, at most and at the end: the server or its core was too slow. */
  readonly late_max_ms: number;
  readonly behind_ms: number;
}

export interface Publisher {
  readonly running: Running;
  /** Stop it, or wait until it has sent all. @throws Error when the server has thrown it out */
  stop(): Promise<Published>;
  done(): Promise<Published>;
}

export const STREAM = "b1";

/** Publish `live/b1`, or `live/b10`, `live/b11` … when there are several; returns when all are accepted. */
export async function publish(server: Server, plan: PublishPlan = {}): Promise<Publisher> {
  const { streams = 1, kbps = 1_000, gop = 60, seconds = 0, speed = 1 } = plan;
  const numbers = [kbps, 30, gop, seconds, streams, speed].map(String);
  const target = ["pub", "127.0.0.1", String(server.rtmpPort), "live", STREAM];
  const running = run(compile("loadgen"), [...target, ...numbers], { core: LOAD_CORE });
  const text = printed(running, 1_800_000);
  text.catch(() => undefined);
  try {
    await says(running, "publishing", 120_000);
  } catch (error) {
    await running.stop();
    throw error;
  }
  const done = async () => JSON.parse(await text) as Published;
  const stop = async () => {
    await running.stop();
    return done();
  };
  return { running, stop, done };
}

export interface PlayPlan {
  readonly protocol?: Protocol;
  readonly players: number;
  readonly streams?: number;
  /** Players that join per second. */
  readonly ramp?: number;
  /** Seconds between the last join and the window, and of the window. */
  readonly settle: number;
  readonly window: number;
  /** Seconds of the window after which gaps are counted apart. */
  readonly split?: number;
}

/** What loadgen prints of its players; times in ms. */
export interface Played {
  readonly n: number;
  readonly live: number;
  readonly closed: number;
  readonly us_per_player_s: number;
  readonly util: number;
  readonly core_busy: number;
  readonly mbps: number;
  readonly p50: number;
  readonly p99: number;
  readonly stall1s: number;
  readonly lost: number;
  readonly bad: number;
  readonly tsback: number;
  readonly cli_util: number;
  /** Players that have had media, and ms from dialling to it. */
  readonly started: number;
  readonly first_p50: number;
  readonly first_p99: number;
  readonly first_max: number;
  /** Longest time without media that any player saw, before and after `split`. */
  readonly gap_base: number;
  readonly gap: number;
  /** Longest time that the load generator itself was away. */
  readonly own_lag: number;
}

export interface Players {
  readonly running: Running;
  /** Resolves when the window begins. */
  window(): Promise<void>;
  result(): Promise<Played>;
}

export function play(server: Server, plan: PlayPlan): Players {
  const { protocol = "rtmp", streams = 1, ramp = 800 } = plan;
  const port = protocol === "rtmp" ? server.rtmpPort : server.httpPort;
  const target = ["play", protocol, "127.0.0.1", String(port), "live", STREAM, String(plan.players)];
  const numbers = { ramp, settle: plan.settle, win: plan.window, streams, split: plan.split ?? 0 };
  const flags = Object.entries({ ...numbers, pid: server.pid, core: SERVER_CORE });
  const args = [...target, ...flags.flatMap(([name, value]) => [`-${name}`, String(value)])];
  const running = run(compile("loadgen"), args, { core: LOAD_CORE });
  const atMostMs = (plan.players / ramp + 15 + plan.settle + plan.window) * 3_000 + 30_000;
  const text = printed(running, atMostMs);
  text.catch(() => undefined);
  return {
    running,
    window: () => says(running, "window", atMostMs),
    result: async () => JSON.parse(await text) as Played,
  };
}

/** Whether everybody played all the time and got every message, whole and in order. */
export function isClean({ n, live, closed, stall1s, lost, bad, tsback }: Played): boolean {
  return live === n && closed + stall1s + lost + bad + tsback === 0;
}

/** Share of the server's core that others had, 0 to 1. */
export function othersShare({ core_busy, util }: Played): number {
  return Math.max(0, core_busy - util);
}
