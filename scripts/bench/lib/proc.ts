import { readdirSync, readFileSync } from "node:fs";

/** CPU time in seconds that all threads of a process have had; what has ended counts no more. */
export function cpuSeconds(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
    try {
      return sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e9;
    } catch {
      return sum;
    }
  }, 0);
}

/** Resident memory of a process in MB. */
export function rssMb(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Rss:\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN) / 1_024;
}

/** Seconds that a core was busy since boot, whoever had it. */
export function coreBusySeconds(core: number): number {
  const line = new RegExp(`^cpu${core} (.*)$`, "m").exec(readFileSync("/proc/stat", "utf8"))?.[1] ?? "";
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0, steal = 0] = line.split(" ").map(Number);
  return (user + nice + system + irq + soft + steal) / 100;
}

/** What a server spent between two moments. */
export interface Spent {
  readonly seconds: number;
  /** CPU seconds of the server. */
  readonly cpu: number;
  /** Share of its core that others had, 0 to 1. */
  readonly others: number;
}

/** Begin to count what a server pinned to `core` spends. */
export function meter(pid: number, core: number): () => Spent {
  const [began, cpu, busy] = [performance.now(), cpuSeconds(pid), coreBusySeconds(core)];
  return () => {
    const seconds = (performance.now() - began) / 1_000;
    const spent = cpuSeconds(pid) - cpu;
    const others = Math.max(0, (coreBusySeconds(core) - busy - spent) / seconds);
    return { seconds, cpu: spent, others };
  };
}

/** Follows the resident memory of a process, ten times a second. */
export function watchRss(pid: number): { readonly peak: number; stop(): number } {
  let peak = rssMb(pid);
  const timer = setInterval(() => {
    peak = Math.max(peak, rssMb(pid));
  }, 100);
  return {
    get peak() {
      return peak;
    },
    stop: () => {
      clearInterval(timer);
      return peak;
    },
  };
}
