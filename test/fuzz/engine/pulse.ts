/** Longest input that is shown; none is longer. */
const MOST_BYTES = 1 << 20;
const HEAD_BYTES = 8;

/**
 * What a thread is trying, in memory that another thread can read while the first one hangs.
 *
 * Layout: number of executions (32 bit, wraps), length of the input, input.
 */
export class Pulse {
  readonly memory: SharedArrayBuffer;
  readonly #head: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(memory = new SharedArrayBuffer(HEAD_BYTES + MOST_BYTES)) {
    this.memory = memory;
    this.#head = new Int32Array(memory, 0, 2);
    this.#bytes = new Uint8Array(memory, HEAD_BYTES);
  }

  /** Say what comes next. */
  beat(input: Uint8Array): void {
    this.#bytes.set(input);
    this.#head[1] = input.length;
    Atomics.add(this.#head, 0, 1);
  }

  /** Changes with every execution. */
  get count(): number {
    return Atomics.load(this.#head, 0);
  }

  /** The last input that was begun. */
  get input(): Buffer {
    return Buffer.from(this.#bytes.slice(0, this.#head[1]));
  }
}
