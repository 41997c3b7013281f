import { Duplex } from "node:stream";

/** A socket without a network: what the client sends is pushed, what the server sends is kept. */
export class FakeSocket extends Duplex {
  readonly remoteAddress = "192.0.2.1";
  bytesRead = 0;
  bytesWritten = 0;
  /** What the server has sent. */
  readonly sent: Buffer[] = [];

  constructor() {
    super({ allowHalfOpen: false });
  }

  /** The client sends bytes. */
  arrive(bytes: Buffer): void {
    if (this.destroyed || this.readableEnded) return;
    this.bytesRead += bytes.length;
    this.push(bytes);
  }

  /** The client sends a FIN. */
  leave(): void {
    if (!this.destroyed) this.push(null);
  }

  resetAndDestroy(): this {
    return this.destroy();
  }

  setTimeout(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  override cork(): void {
    // Nothing to gather: every write is kept at once.
  }

  override uncork(): void {
    // See cork.
  }

  override _read(): void {
    // What arrives is pushed.
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.bytesWritten += bytes.length;
    this.sent.push(bytes);
    done();
  }
}

/** Let everything that is under way happen. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
