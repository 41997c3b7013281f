/**
 * Batches as chunks of an HTTP/1.1 body [RFC 9112 §7.1]. A batch is framed once, for the first player that takes it;
 * all others are given the same bytes. The copies live as long as their batches.
 */
export class ChunkedFraming {
  readonly #framed = new WeakMap<Buffer, Buffer>();

  /** The batch as one chunk; not empty. Shared: never change it. */
  frame(batch: Buffer): Buffer {
    const known = this.#framed.get(batch);
    if (known) return known;
    const size = Buffer.from(`${batch.length.toString(16)}\r\n`, "latin1");
    const framed = Buffer.concat([size, batch, CRLF]);
    this.#framed.set(batch, framed);
    return framed;
  }
}

const CRLF = Buffer.from("\r\n", "latin1");
