import fc from "fast-check";
import { Corpus } from "./corpus.ts";
import type { Coverage } from "./coverage.ts";
import type { Fault, Judge } from "./judge.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";
import { shrink } from "./shrink.ts";
import type { FuzzTarget } from "./target.ts";

export interface LoopOptions {
  readonly seed: number;
  /** Whether to go on, asked before each execution with the number of those done. */
  readonly goOn: (executions: number) => boolean;
  /** Inputs that reach something new are kept here, and those that lie here are tried first. */
  readonly corpusFolder?: string | undefined;
  /** `false`: keep nothing that coverage says is new. What the loop is worth without it. */
  readonly guided?: boolean;
  /** Called before each execution. */
  readonly beat: (input: Buffer) => void;
  /** Called twice for each kind: with the input as it was, and with the smallest one. */
  readonly found: (finding: Finding) => void;
}

export interface Finding extends Fault {
  readonly input: Buffer;
  /** After so many executions. */
  readonly executions: number;
}

export interface LoopReport {
  readonly executions: number;
  readonly corpus: number;
  readonly branches: number;
  readonly branchesInAll: number;
  /** How often each expected error came; `accepted` where there was none. */
  readonly outcomes: Readonly<Record<string, number>>;
}

const BATCH = 64;
const STACK_LINES = 30;
/** A target with so many different faults needs no more to be found. */
const MOST_FINDINGS = 8;

/**
 * Try inputs: those of real clients, then well-formed ones and mutations of whatever reached something new, until
 * `goOn` says no. The same seed makes the same inputs.
 */
export async function fuzzLoop(
  target: FuzzTarget,
  judge: Judge,
  coverage: Coverage,
  { seed, goOn, corpusFolder, guided = true, beat, found }: LoopOptions,
): Promise<LoopReport> {
  const random = new Random(seed);
  const corpus = new Corpus(corpusFolder);
  const words = target.words.map((word) => Buffer.from(word));
  const outcomes: Record<string, number> = {};
  const kinds = new Set<string>();
  const structured: Buffer[] = [];
  let executions = 0;

  function* inputs(): Generator<Buffer, never> {
    yield Buffer.alloc(0);
    yield* target.seeds;
    yield* corpus.stored();
    for (;;) yield next();
  }

  function next(): Buffer {
    const kind = random.below(16);
    if (kind < 2) return wellFormed();
    const base =
      kind < 5
        ? wellFormed()
        : kind < 6 && target.seeds.length > 0
          ? random.pick(target.seeds)
          : corpus.pick(random);
    const other = random.oneIn(2) ? corpus.pick(random) : wellFormed();
    return mutate(base, random, { other, words, mostBytes: target.mostBytes });
  }

  function wellFormed(): Buffer {
    if (structured.length === 0) {
      const made = fc.sample(target.structure, { numRuns: BATCH, seed: random.next() | 0 });
      structured.push(...made.map((bytes) => Buffer.from(bytes.subarray(0, target.mostBytes))));
    }
    return structured.pop() as Buffer;
  }

  async function report(input: Buffer, fault: Fault): Promise<void> {
    kinds.add(fault.kind);
    // At once, too: whoever shrinks it may not live to tell.
    found({ ...fault, input, executions });
    const smaller = await shrink(input, async (candidate) => {
      beat(candidate);
      return (await judge.try(candidate)).fault?.kind === fault.kind;
    });
    Error.stackTraceLimit = STACK_LINES;
    const text = (await judge.try(smaller)).fault?.text ?? fault.text;
    Error.stackTraceLimit = 0;
    found({ kind: fault.kind, text, input: smaller, executions });
  }

  // Where an expected error comes from is of no interest, and costs more than all the rest.
  Error.stackTraceLimit = 0;
  // What happened while the modules were loaded is nobody's doing.
  coverage.take();
  for (const input of inputs()) {
    if (kinds.size >= MOST_FINDINGS || !goOn(executions)) break;
    beat(input);
    const { fault, code, fresh } = await judge.try(input);
    executions += 1;
    const outcome = fault ? "faults" : (code ?? "accepted");
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (fault && !kinds.has(fault.kind)) await report(input, fault);
    else if (!fault && fresh && guided && !(target.noisy && fresh === "count")) corpus.add(input, fresh);
    // Let the thread hear its messages.
    if (executions % 1_024 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const { branches, branchesInAll } = coverage;
  return {
    executions,
    corpus: corpus.size,
    branches,
    branchesInAll,
    outcomes: { ...outcomes, ...target.tally?.() },
  };
}
