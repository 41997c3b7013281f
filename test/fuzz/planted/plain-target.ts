import fc from "fast-check";
import type { FuzzTarget } from "../engine/target.ts";

/** A target that does what it is told, without limits of its own. */
export function plainTarget(name: string, run: FuzzTarget["run"]): FuzzTarget {
  return {
    name,
    codes: [],
    structure: fc.uint8Array({ maxLength: 16 }),
    seeds: [],
    words: [],
    mostBytes: 32,
    mostSteps: () => Infinity,
    mostMemory: () => ({ largest: 65_536, total: Infinity }),
    run,
  };
}
