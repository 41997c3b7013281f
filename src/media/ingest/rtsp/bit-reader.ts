/** Reads a parameter set bit by bit. It throws RangeError at the end, so that nothing is read or counted beyond. */
export class BitReader {
  readonly #bytes: Buffer;
  #at = 0;

  /** @param nal  a NAL unit with its emulation prevention bytes [H.264 §7.3.1, H.265 §7.3.1.1] */
  constructor(nal: Buffer) {
    this.#bytes = unescaped(nal);
  }

  flag(): boolean {
    return this.bits(1) === 1;
  }

  /** @param count  at most 32 */
  bits(count: number): number {
    if (this.#at + count > this.#bytes.length * 8) throw new RangeError("the parameter set is too short");
    let value = 0;
    for (let left = count; left > 0; left--, this.#at++)
      value = value * 2 + (((this.#bytes[this.#at >> 3] as number) >> (7 - (this.#at & 7))) & 1);
    return value;
  }

  skip(count: number): void {
    this.#at += count;
  }

  /** ue(v) [H.264 §9.1] */
  unsigned(): number {
    let zeros = 0;
    while (!this.flag()) zeros++;
    if (zeros > 32) throw new RangeError("a number of the parameter set is too large");
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** ue(v) that counts something: at most `most`. */
  count(most: number): number {
    const value = this.unsigned();
    if (value > most) throw new RangeError("a number of the parameter set is too large");
    return value;
  }

  /** se(v) */
  signed(): number {
    const code = this.unsigned();
    return code % 2 === 0 ? -(code / 2) : (code + 1) / 2;
  }
}

function unescaped(nal: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(nal.length);
  let length = 0;
  let zeros = 0;
  for (const byte of nal) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    bytes[length++] = byte;
  }
  return bytes.subarray(0, length);
}
