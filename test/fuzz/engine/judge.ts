import { HoldfastError } from "../../../src/domain/errors.ts";
import type { Allocated } from "./allocations.ts";
import type { Coverage, Reached } from "./coverage.ts";
import type { FuzzTarget } from "./target.ts";

/** Something wrong, as far as it can be told without the input. */
export interface Fault {
  /** The same for the same fault: what shrinking must keep. */
  readonly kind: string;
  readonly text: string;
}

/** What came of one execution. */
export interface Verdict {
  readonly fault: Fault | undefined;
  /** The expected error, if it was refused. */
  readonly code: string | undefined;
  readonly fresh: Reached["fresh"];
}

/** Runs inputs, and tells what is wrong with what happens. */
export class Judge {
  readonly #target: FuzzTarget;
  readonly #coverage: Coverage;
  readonly #allocated: Allocated;
  /** What was thrown where nobody could catch it. */
  #stray: unknown;

  constructor(target: FuzzTarget, coverage: Coverage, allocated: Allocated) {
    this.#target = target;
    this.#coverage = coverage;
    this.#allocated = allocated;
  }

  /** Something was thrown past the target, from a callback or a promise that nobody looks at. */
  astray(error: unknown): void {
    this.#stray ??= error;
  }

  async try(input: Buffer): Promise<Verdict> {
    this.#allocated.largest = this.#allocated.total = 0;
    this.#stray = undefined;
    let thrown: unknown;
    let failed = false;
    try {
      const running = this.#target.run(input);
      if (running) {
        await running;
        // Rejections that nobody handles are told once the microtasks are done.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } catch (error) {
      thrown = error;
      failed = true;
    }
    const { largest, total } = this.#allocated;
    const { fresh, steps } = this.#coverage.take();
    const code = failed && thrown instanceof HoldfastError ? thrown.code : undefined;
    const expected = code !== undefined && (this.#target.codes as readonly string[]).includes(code);
    const fault =
      this.#stray !== undefined
        ? faultOf(this.#stray, "past everybody: ")
        : failed && !expected
          ? faultOf(thrown)
          : this.#excess(input.length, steps, largest, total);
    return { fault, code: expected ? code : undefined, fresh };
  }

  #excess(bytes: number, steps: number, largest: number, total: number): Fault | undefined {
    const most = this.#target.mostMemory(bytes);
    if (largest > most.largest)
      return { kind: "memory at once", text: `${largest} bytes taken at once for an input of ${bytes}` };
    if (total > most.total)
      return { kind: "memory in all", text: `${total} bytes taken for an input of ${bytes}` };
    if (steps > this.#target.mostSteps(bytes))
      return { kind: "time", text: `${steps} statements for an input of ${bytes} bytes` };
    return undefined;
  }
}

function faultOf(error: unknown, how = ""): Fault {
  if (!(error instanceof Error)) return { kind: `${how}${typeof error}`, text: `${how}${String(error)}` };
  const code = error instanceof HoldfastError ? ` ${error.code}` : "";
  const first = error.message.split("\n", 1)[0] ?? "";
  // Numbers and quoted parts differ from input to input.
  const plain = first.replaceAll(/\d+/g, "N").replaceAll(/(["'`]).*\1/g, "…");
  return { kind: `${how}${error.name}${code}: ${plain}`, text: `${how}${error.stack ?? String(error)}` };
}
