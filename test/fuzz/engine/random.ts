/** Random numbers that are the same for the same seed. mulberry32: small, quick, and the same everywhere. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** An unsigned 32 bit number. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let value = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return (value ^ (value >>> 14)) >>> 0;
  }

  /** From 0 up to, without, `limit`; 0 when there is nothing to choose from. */
  below(limit: number): number {
    return limit <= 1 ? 0 : Math.floor((this.next() / 0x1_0000_0000) * limit);
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError("there is nothing to pick from");
    return list[this.below(list.length)] as T;
  }

  /** Mostly short, now and then long, at most `limit`. */
  length(limit: number): number {
    const most = Math.min(limit, 1 << (1 + this.below(12)));
    return most === 0 ? 0 : 1 + this.below(most);
  }

  bytes(count: number): Buffer {
    const out = Buffer.allocUnsafe(count);
    for (let at = 0; at < count; at++) out[at] = this.next();
    return out;
  }
}

/** A number that depends on all bytes: what an input's own choices (where it is split …) are drawn from. FNV-1a. */
export function hashOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193);
  return hash >>> 0;
}

const MOST_PIECES = 256;

/** Cut bytes into pieces as a network might: few or many, short inputs byte by byte. Each has memory of its own. */
export function splitBytes(bytes: Uint8Array, random: Random): Buffer[] {
  const most = Math.max(
    random.pick([1, 3, 16, 128, 1_500, 65_536]),
    Math.ceil((2 * bytes.length) / MOST_PIECES),
  );
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + random.below(most));
    pieces.push(ownCopy(bytes.subarray(at, end)));
    at = end;
  }
  return pieces;
}

/** A copy that shares its memory with nobody, as a socket would give it. */
export function ownCopy(bytes: Uint8Array): Buffer {
  const copy = new Uint8Array(bytes.length);
  copy.set(bytes);
  return Buffer.from(copy.buffer);
}
