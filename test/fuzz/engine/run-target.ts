import { Worker } from "node:worker_threads";
import type { Finding, LoopReport } from "./loop.ts";
import { Pulse } from "./pulse.ts";
import type { WorkerOrder, WorkerWord } from "./worker.ts";

export interface RunOptions extends Omit<WorkerOrder, "pulse" | "instrumented"> {
  /** `false` is for looking at a finding: stack traces then name the lines of the source. */
  readonly instrumented?: boolean;
  /** CPU time of this process, in ms, without a new execution, after which the present one counts as hung. */
  readonly hangMs?: number;
  /** ms without a new execution and without work, after which the present one counts as stuck. */
  readonly stuckMs?: number;
}

/** What came of one target. */
export interface TargetReport {
  readonly name: string;
  readonly seed: number;
  /** `undefined` when the thread did not live to tell. */
  readonly loop: LoopReport | undefined;
  readonly ms: number;
  readonly findings: readonly Finding[];
}

/** Processor time, not time: a busy machine is no fault of the input. */
const HANG_MS = 20_000;
/** Longer than whatever a target waits for in order. */
const STUCK_MS = 60_000;
/** Modules are read and servers started before the first execution. */
const SLOWER_AT_FIRST = 5;
const LOOK_EVERY_MS = 250;
/** A thread that needs more JavaScript memory than this is ended, and its input a finding. */
const MOST_HEAP_MB = 1_024;

/** Fuzz one target in a thread of its own, which may hang or run out of memory. */
export function runTarget({
  hangMs = HANG_MS,
  stuckMs = STUCK_MS,
  instrumented = true,
  ...order
}: RunOptions): Promise<TargetReport> {
  const pulse = new Pulse();
  const began = performance.now();
  const workerData: WorkerOrder = { ...order, instrumented, pulse: pulse.memory };
  const worker = new Worker(new URL("./boot.mjs", import.meta.url), {
    workerData,
    resourceLimits: { maxOldGenerationSizeMb: MOST_HEAP_MB },
  });
  const findings = new Map<string, Finding>();
  let loop: LoopReport | undefined;
  let ms: number | undefined;
  const lost = (kind: string, text: string): void => {
    findings.set(kind, { kind, text, input: pulse.input, executions: pulse.count });
  };

  let count = -1;
  let since = process.cpuUsage();
  // Looks, not time: while the machine sleeps, nobody is stuck.
  let looks = 0;
  const watch = setInterval(() => {
    looks += 1;
    if (pulse.count !== count) {
      count = pulse.count;
      looks = 0;
    }
    if (looks === 0 || count === 0) since = process.cpuUsage();
    const waited = looks * LOOK_EVERY_MS;
    const { user, system } = process.cpuUsage(since);
    if ((user + system) / 1_000 >= hangMs)
      lost("hang", `one execution took more than ${hangMs} ms of processor time`);
    else if (waited >= stuckMs * (count === 0 ? SLOWER_AT_FIRST : 1))
      lost("stuck", `nothing went on for more than ${stuckMs} ms`);
    else return;
    clearInterval(watch);
    void worker.terminate();
  }, LOOK_EVERY_MS);

  worker.on("message", (word: WorkerWord) => {
    if (word.word === "found")
      findings.set(word.finding.kind, { ...word.finding, input: Buffer.from(word.finding.input) });
    else ({ report: loop, ms } = word);
  });
  worker.on("error", (error: Error & { code?: string }) => {
    const memory = error.code === "ERR_WORKER_OUT_OF_MEMORY";
    // Before the first execution it is the target that is broken, not what it tries.
    if (!memory && pulse.count === 0) lost("start", error.stack ?? error.message);
    else lost(memory ? "memory" : "thread", error.stack ?? error.message);
  });
  return new Promise((resolve) => {
    worker.once("exit", () => {
      clearInterval(watch);
      if (!loop && findings.size === 0) lost("exit", "the thread ended before its time");
      const { target: name, seed } = order;
      resolve({ name, seed, loop, ms: ms ?? performance.now() - began, findings: [...findings.values()] });
    });
  });
}
