import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "./random.ts";

/** More would make the good ones rare. */
const MOST_INPUTS = 8_192;

const MOST_EAGER = 256;
/** How many of the next executions begin with an input that took a new branch, or one more or less often. */
const ENERGY = { branch: 4_096, count: 64 } as const;

/** The inputs that reached something new; on disk, too, when there is a folder. */
export class Corpus {
  readonly #folder: string | undefined;
  readonly #inputs: Buffer[] = [];
  /** Inputs that still have energy, the newest last. */
  readonly #eager: { readonly input: Buffer; energy: number }[] = [];

  /** @param folder what lies there is part of it */
  constructor(folder?: string) {
    this.#folder = folder;
    if (folder === undefined) return;
    mkdirSync(folder, { recursive: true });
  }

  get size(): number {
    return this.#inputs.length;
  }

  /** What earlier runs have left in the folder. */
  stored(): Buffer[] {
    if (this.#folder === undefined) return [];
    const folder = this.#folder;
    return readdirSync(folder)
      .sort()
      .map((name) => readFileSync(join(folder, name)));
  }

  add(input: Buffer, fresh: keyof typeof ENERGY): void {
    const copy = Buffer.from(input);
    this.#eager.push({ input: copy, energy: ENERGY[fresh] });
    if (this.#eager.length > MOST_EAGER) this.#eager.shift();
    if (this.#inputs.length < MOST_INPUTS) this.#inputs.push(copy);
    if (this.#folder === undefined) return;
    writeFileSync(
      join(this.#folder, `${createHash("sha256").update(copy).digest("hex").slice(0, 16)}.bin`),
      copy,
    );
  }

  /** Every other time one of the newest, as long as it has energy: it is nearest to what is still unknown. */
  pick(random: Random): Buffer {
    const newest =
      this.#eager.length === 0 ? 0 : this.#eager.length - 1 - random.below(Math.min(4, this.#eager.length));
    const eager = this.#eager[newest];
    if (eager && random.oneIn(2)) {
      eager.energy -= 1;
      if (eager.energy <= 0) this.#eager.splice(newest, 1);
      return eager.input;
    }
    return this.#inputs.length === 0 ? Buffer.alloc(0) : random.pick(this.#inputs);
  }
}
