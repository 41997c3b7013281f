import { parentPort, workerData } from "node:worker_threads";
import { loadTarget } from "../targets.ts";
import { countAllocations } from "./allocations.ts";
import { Coverage } from "./coverage.ts";
import { Judge } from "./judge.ts";
import { fuzzLoop, type Finding, type LoopReport } from "./loop.ts";
import { Pulse } from "./pulse.ts";

/** What the worker is told. */
export interface WorkerOrder {
  readonly target: string;
  readonly instrumented: boolean;
  readonly seed: number;
  /** End after so many ms, or so many executions, whichever comes first. */
  readonly ms?: number;
  readonly executions?: number;
  readonly corpusFolder?: string | undefined;
  readonly guided?: boolean;
  /** End with the first finding. */
  readonly untilFound?: boolean;
  /** Try this one input and nothing else. */
  readonly replay?: Uint8Array;
  readonly pulse: SharedArrayBuffer;
}

/** What the worker says. */
export type WorkerWord =
  | { readonly word: "found"; readonly finding: Omit<Finding, "input"> & { readonly input: Uint8Array } }
  | { readonly word: "done"; readonly report: LoopReport; readonly ms: number };

const order = workerData as WorkerOrder;
// The rule means windows; a thread's port has no origin.
// eslint-disable-next-line unicorn/require-post-message-target-origin
const say = (word: WorkerWord): void => parentPort?.postMessage(word);
const pulse = new Pulse(order.pulse);
const target = await loadTarget(order.target);
const coverage = new Coverage();
const judge = new Judge(target, coverage, countAllocations());
process.on("uncaughtException", (error) => judge.astray(error));
process.on("unhandledRejection", (error) => judge.astray(error));

const { seed, replay, corpusFolder, guided = true } = order;
const began = performance.now();
let findings = 0;
const found = (finding: Finding): void => {
  findings += 1;
  say({ word: "found", finding });
};
if (replay) {
  const input = Buffer.from(replay);
  pulse.beat(input);
  coverage.take();
  const { fault, code } = await judge.try(input);
  if (fault) found({ ...fault, input, executions: 1 });
  const outcomes = { [fault ? "faults" : (code ?? "accepted")]: 1 };
  const report = {
    executions: 1,
    corpus: 0,
    branches: coverage.branches,
    branchesInAll: coverage.branchesInAll,
    outcomes,
  };
  say({ word: "done", report, ms: performance.now() - began });
} else {
  const { ms = Infinity, executions: most = Infinity } = order;
  const goOn = (executions: number): boolean =>
    executions < most && performance.now() - began < ms && !(order.untilFound && findings > 0);
  const beat = (input: Buffer): void => pulse.beat(input);
  const report = await fuzzLoop(target, judge, coverage, { seed, goOn, corpusFolder, guided, beat, found });
  say({ word: "done", report, ms: performance.now() - began });
}
try {
  await target.close?.();
} catch (error) {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  found({ kind: "at the end", text, input: pulse.input, executions: pulse.count });
}
// Whatever the target has left behind must not keep the thread.
process.exit(0);
