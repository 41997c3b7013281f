import type { Arbitrary } from "fast-check";
import type { ErrorCode } from "../../../src/domain/errors.ts";

/** Something that takes bytes from strangers, and what must be true of it whatever they are. */
export interface FuzzTarget {
  readonly name: string;
  /** Codes of the errors that may be thrown. Every other error is a finding. */
  readonly codes: readonly ErrorCode[];
  /** Well-formed inputs, or nearly: what random bytes would not find by themselves. */
  readonly structure: Arbitrary<Uint8Array>;
  /** Inputs of real clients. */
  readonly seeds: readonly Buffer[];
  /** Words of the format, for mutations. */
  readonly words: readonly (string | Buffer)[];
  /** Longest input. */
  readonly mostBytes: number;
  /** Statements that an input of this length may take. Time is counted, since clocks tell of the machine's load. */
  readonly mostSteps: (bytes: number) => number;
  /** Buffer memory that an input of this length may ask for. */
  readonly mostMemory: (bytes: number) => { readonly largest: number; readonly total: number };
  /**
   * Try one input.
   *
   * @throws {@link Broken} when something that must be true is not; what the code under test throws
   */
  readonly run: (input: Buffer) => void | Promise<void>;
  /** Other things go on beside an input, so that only branches that were never taken tell of it. */
  readonly noisy?: boolean;
  /** What else was counted, for the report. */
  readonly tally?: () => Readonly<Record<string, number>>;
  /** Called once at the end. @throws when something is not as it should be after all that was tried */
  readonly close?: () => void | Promise<void>;
}

/** Something that must be true is not. */
export class Broken extends Error {
  override readonly name = "Broken";
}

/** @throws Broken */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Broken(what);
}
