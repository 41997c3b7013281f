import { HoldfastError } from "../../../domain/errors.ts";
import type { MemoryBudget } from "../../memory-budget.ts";

const LEAST = 16_384;
/** What a large picture has taken above this is given back after it. */
const KEPT = 1_048_576;
const PREFIX = 4;

/** Grows into one access unit: NAL units, each behind its length in four bytes, as FLV has them. */
export class UnitBuffer {
  readonly #most: number;
  readonly #budget: MemoryBudget;
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Where the last NAL unit's length stands. */
  #last = 0;
  #open = false;

  /** @param most  bytes of one access unit */
  constructor(most: number, budget: MemoryBudget) {
    this.#most = most;
    this.#budget = budget;
  }

  /** Whether a NAL unit has begun and not ended. */
  get open(): boolean {
    return this.#open;
  }

  get length(): number {
    return this.#length;
  }

  begin(): void {
    this.#reserve(PREFIX);
    this.#last = this.#length;
    this.#length += PREFIX;
    this.#open = true;
  }

  /** @throws HoldfastError `LIMIT_EXCEEDED` */
  append(data: Buffer): void {
    this.#reserve(data.length);
    data.copy(this.#bytes, this.#length);
    this.#length += data.length;
  }

  /** @returns the NAL unit, valid until the next change */
  end(): Buffer {
    const nal = this.#bytes.subarray(this.#last + PREFIX, this.#length);
    this.#bytes.writeUInt32BE(nal.length, this.#last);
    this.#open = false;
    return nal;
  }

  /** Forget the NAL unit that was begun last. */
  dropLast(): void {
    this.#length = this.#last;
    this.#open = false;
  }

  clear(): void {
    this.#length = 0;
    this.#last = 0;
    this.#open = false;
    if (this.#bytes.length > KEPT) this.release();
  }

  /** The access unit behind `room` bytes for whoever frames it. Empty afterwards. */
  take(room: number): Buffer {
    const unit = Buffer.allocUnsafeSlow(room + this.#length);
    this.#bytes.copy(unit, room, 0, this.#length);
    this.clear();
    return unit;
  }

  /** Give its memory back. */
  release(): void {
    this.#budget.give(this.#bytes.length);
    this.#bytes = Buffer.alloc(0);
    this.#length = 0;
  }

  #reserve(more: number): void {
    const needed = this.#length + more;
    if (needed > this.#most)
      throw new HoldfastError("LIMIT_EXCEEDED", { detail: "the source sent too large a picture or sound" });
    const had = this.#bytes.length;
    if (needed <= had) return;
    const size = Math.max(LEAST, needed, had * 2);
    this.#budget.take(size - had);
    const grown = Buffer.allocUnsafeSlow(size);
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
