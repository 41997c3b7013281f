import type { HoldfastError } from "../domain/errors.ts";
import type { ChannelSource } from "../domain/ports/channel.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { DrainNotice, Publication, PublicationEnd, PublishGate, PublishRequest } from "./gates.ts";

/**
 * The publish gate of an origin that can drain: knows every encoder that was accepted, whether it feeds its stream or
 * stands by, and can refuse new ones, tell the present ones and reset them.
 */
export class DrainGate implements PublishGate {
  readonly #inner: PublishGate;
  readonly #present = new Set<DrainablePublication>();
  #refusal: (() => HoldfastError) | undefined;

  constructor(inner: PublishGate) {
    this.#inner = inner;
  }

  /** Encoders that are connected here. */
  get encoders(): number {
    return this.#present.size;
  }

  async publish(request: PublishRequest): Promise<Publication> {
    this.#check();
    const inner = await this.#inner.publish(request);
    const publication = new DrainablePublication(inner, (gone) => this.#present.delete(gone));
    try {
      // The drain may have begun while the stream was being claimed.
      this.#check();
    } catch (refusal) {
      inner.end("drained");
      throw refusal;
    }
    if (!publication.revoked.aborted) this.#present.add(publication);
    return publication;
  }

  /** Accept nobody from now on. */
  close(refusal: () => HoldfastError): void {
    this.#refusal = refusal;
  }

  /** Accept encoders again. */
  open(): void {
    this.#refusal = undefined;
  }

  /** Ask every encoder to go elsewhere. Each hears it once in its life. */
  tell(notice: DrainNotice): void {
    for (const publication of this.#present) publication.tell(notice);
  }

  /** Let every encoder go: its stream is given back first, so that any origin may have it when it comes. */
  reset(reason: HoldfastError): void {
    // The newest first: one that stands by must not go on for the one that was reset a moment before.
    for (const publication of [...this.#present].reverse()) publication.reset(reason);
  }

  /** Reset one encoder, as the gate behind this one knows it. False when it is not here any more. */
  kick(encoder: Publication, reason: HoldfastError): boolean {
    const publication = [...this.#present].find((one) => one.isOf(encoder));
    publication?.reset(reason, "kicked");
    return publication !== undefined;
  }

  #check(): void {
    if (this.#refusal) throw this.#refusal();
  }
}

class DrainablePublication implements Publication {
  readonly key: StreamKey;
  readonly source: ChannelSource;
  readonly #inner: Publication;
  readonly #unwanted = new AbortController();
  readonly #revoked = new AbortController();
  readonly #gone: (gone: DrainablePublication) => void;

  constructor(inner: Publication, gone: (gone: DrainablePublication) => void) {
    this.key = inner.key;
    this.source = inner.source;
    this.#inner = inner;
    this.#gone = gone;
    const pass = () => this.#revoke(inner.revoked.reason);
    if (inner.revoked.aborted) pass();
    else inner.revoked.addEventListener("abort", pass, { once: true });
  }

  get unwanted(): AbortSignal {
    return this.#unwanted.signal;
  }

  get revoked(): AbortSignal {
    return this.#revoked.signal;
  }

  end(how: PublicationEnd): void {
    this.#gone(this);
    this.#inner.end(how);
  }

  tell(notice: DrainNotice): void {
    if (!this.#revoked.signal.aborted) this.#unwanted.abort(notice);
  }

  isOf(encoder: Publication): boolean {
    return this.#inner === encoder;
  }

  reset(reason: HoldfastError, how: PublicationEnd = "drained"): void {
    this.#inner.end(how);
    this.#revoke(reason);
  }

  #revoke(reason: unknown): void {
    this.#gone(this);
    this.#revoked.abort(reason);
  }
}
