import type { HoldfastError } from "../domain/errors.ts";
import type { ChannelSource } from "../domain/ports/channel.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { Publication, PublicationEnd } from "./gates.ts";

/** An encoder that feeds a stream here, until it leaves or is told to. Whichever comes first counts. */
export class LivePublication implements Publication {
  readonly key: StreamKey;
  readonly source: ChannelSource;
  readonly #onEnd: (how: PublicationEnd) => void;
  readonly #revoked = new AbortController();
  #over = false;

  constructor(key: StreamKey, source: ChannelSource, onEnd: (how: PublicationEnd) => void) {
    this.key = key;
    this.source = source;
    this.#onEnd = onEnd;
  }

  get revoked(): AbortSignal {
    return this.#revoked.signal;
  }

  end(how: PublicationEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.source.detach();
    this.#onEnd(how);
  }

  /** Cut the encoder off: nothing it sends from now on reaches a player. */
  revoke(reason: HoldfastError): void {
    if (this.#over) return;
    // First, since the session answers the signal with `end`.
    this.#over = true;
    this.source.detach();
    this.#revoked.abort(reason);
  }
}
