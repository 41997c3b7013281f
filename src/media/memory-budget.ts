import { HoldfastError } from "../domain/errors.ts";

/** Memory that many connections share, in bytes: who asks for more than is left gets an error instead. */
export class MemoryBudget {
  readonly #most: number;
  readonly #within: MemoryBudget | undefined;
  #taken = 0;

  /** @param within  a larger one that this is a part of: what is taken here is taken there, too */
  constructor(most: number, within?: MemoryBudget) {
    this.#most = most;
    this.#within = within;
  }

  /** Bytes taken and not given back. */
  get taken(): number {
    return this.#taken;
  }

  /** Call it before the memory is taken. @throws HoldfastError `LIMIT_EXCEEDED`; nothing is taken then */
  take(bytes: number): void {
    if (this.#taken + bytes > this.#most)
      throw new HoldfastError("LIMIT_EXCEEDED", {
        detail: "the unfinished messages of all connections together are too long",
      });
    this.#within?.take(bytes);
    this.#taken += bytes;
  }

  give(bytes: number): void {
    this.#taken -= bytes;
    this.#within?.give(bytes);
  }
}
