/** What istanbul-lib-instrument keeps of one file: how often each statement, function and branch was reached. */
interface FileCounters {
  readonly s: Record<number, number>;
  readonly f: Record<number, number>;
  readonly b: Record<number, number[]>;
}

/** What one execution did. */
export interface Reached {
  /** It took a branch that no execution took before, or took one so many times as none did. */
  readonly fresh: "branch" | "count" | undefined;
  /** Statements executed: how long it took, whatever else the machine did meanwhile. */
  readonly steps: number;
}

/** A branch taken once is another thing than one taken a hundred times; three times and four are not told apart often. */
function bucketOf(count: number): number {
  if (count < 4) return 1 << (count - 1);
  if (count < 8) return 8;
  if (count < 16) return 16;
  if (count < 32) return 32;
  return count < 128 ? 64 : 128;
}

/** Reads the counters of all instrumented modules that this thread has loaded, and sets them back. */
export class Coverage {
  #files: readonly FileCounters[] = [];
  #branches: readonly number[][] = [];
  #statements: readonly { readonly counts: Record<number, number>; readonly length: number }[] = [];
  #seen = new Map<number[], Uint8Array>();

  /** Branches taken so far. */
  get branches(): number {
    let taken = 0;
    for (const seen of this.#seen.values()) for (const bits of seen) if (bits !== 0) taken += 1;
    return taken;
  }

  /** Branches that there are. */
  get branchesInAll(): number {
    return this.#branches.reduce((sum, counts) => sum + counts.length, 0);
  }

  /** What was reached since the last call. */
  take(): Reached {
    this.#notice();
    let fresh: Reached["fresh"];
    for (const counts of this.#branches) {
      for (let way = 0; way < counts.length; way++) {
        const count = counts[way] as number;
        if (count === 0) continue;
        counts[way] = 0;
        const seen = this.#seen.get(counts) as Uint8Array;
        const bit = bucketOf(count);
        if (((seen[way] as number) & bit) !== 0) continue;
        fresh = seen[way] === 0 ? "branch" : (fresh ?? "count");
        seen[way] = (seen[way] as number) | bit;
      }
    }
    let steps = 0;
    for (const { counts, length } of this.#statements) {
      for (let at = 0; at < length; at++) {
        const count = counts[at] as number;
        if (count === 0) continue;
        steps += count;
        counts[at] = 0;
      }
    }
    return { fresh, steps };
  }

  /** Modules may be loaded late. */
  #notice(): void {
    const all = Object.values(
      (globalThis as { __coverage__?: Record<string, FileCounters> }).__coverage__ ?? {},
    );
    if (all.length === this.#files.length) return;
    this.#files = all;
    this.#branches = all.flatMap(({ b }) => Object.values(b));
    this.#statements = all.map(({ s }) => ({ counts: s, length: Object.keys(s).length }));
    for (const counts of this.#branches)
      if (!this.#seen.has(counts)) this.#seen.set(counts, new Uint8Array(counts.length));
  }
}
