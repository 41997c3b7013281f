import type { HoldfastError } from "../domain/errors.ts";
import type { StreamKey } from "../domain/stream-key.ts";

/**
 * That this origin owns a stream, from the first grant until it is lost or released.
 *
 * The token grows when a second encoder takes over on the same origin, and when the stream is claimed again for a
 * new session; the holding stays the same.
 */
export class Holding {
  readonly key: StreamKey;
  /** Fencing token of the last grant. */
  token = 0;
  /** Session of the last grant; 0 when the record is known to be missing. */
  epoch = 0;
  /** Address of the encoder, or the source's URL without credentials. */
  publisher = "";
  codecs = "";
  /** Order of the encoder among those of the stream; 0 where no standbys are kept. */
  rank = 0;
  /** Token under which this origin pulls the ingest that feeds it; 0 when an encoder does. */
  ingest = 0;
  /** Whether the encoder brings nothing. */
  stalled = false;
  /** Whether the registry has these codecs and this state. */
  described = true;
  readonly #lost = new AbortController();

  constructor(key: StreamKey) {
    this.key = key;
  }

  /** Fires once, when another owns the stream. The reason is a HoldfastError `STREAM_TAKEN_OVER`. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  lose(reason: HoldfastError): void {
    this.#lost.abort(reason);
  }
}
