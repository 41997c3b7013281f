import type { HoldfastError } from "../domain/errors.ts";
import type { ChannelSource, StandbySource } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { Publication, PublicationEnd } from "./gates.ts";
import { Pulse } from "./pulse.ts";

/** Who publishes. */
export interface EncoderIdentity {
  /** Address of the encoder. */
  readonly publisher: string;
  /** @see rankOf */
  readonly rank: number;
}

export interface EncoderParts extends EncoderIdentity {
  readonly key: StreamKey;
  readonly source: StandbySource;
  readonly clock: Clock;
  /** `publish.stall`, ms. */
  readonly stall: number;
  /** It has left. */
  readonly onEnd: (encoder: Encoder, how: PublicationEnd) => void;
  /** Standing by, it has brought something that players can begin with. */
  readonly onStart: (encoder: Encoder) => void;
}

/**
 * An accepted encoder, until it leaves or is told to, whichever comes first. It feeds its stream or stands by, and
 * does not notice which.
 */
export class Encoder implements Publication {
  readonly key: StreamKey;
  readonly publisher: string;
  readonly rank: number;
  readonly pulse: Pulse;
  readonly source: ChannelSource;
  readonly #source: StandbySource;
  readonly #onEnd: EncoderParts["onEnd"];
  readonly #revoked = new AbortController();
  #over = false;

  constructor({ key, publisher, rank, source, clock, stall, onEnd, onStart }: EncoderParts) {
    this.key = key;
    this.publisher = publisher;
    this.rank = rank;
    this.pulse = new Pulse(stall, clock.monotonic());
    this.#source = source;
    this.#onEnd = onEnd;
    source.onStart = () => onStart(this);
    this.source = {
      kind: source.kind,
      closed: source.closed,
      detach: () => source.detach(),
      write: (packet) => {
        this.pulse.note(packet, clock.monotonic());
        source.write(packet);
      },
    };
  }

  get revoked(): AbortSignal {
    return this.#revoked.signal;
  }

  /** Whether it has left, or was told to. */
  get over(): boolean {
    return this.#over;
  }

  /** Feed the stream; whatever did so stands by or is closed. */
  promote(): void {
    this.#source.promote();
  }

  /** Stand by. */
  demote(): void {
    this.#source.demote();
  }

  end(how: PublicationEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#source.detach();
    this.#onEnd(this, how);
  }

  /** Cut the encoder off: nothing it sends from now on reaches a player. */
  revoke(reason: HoldfastError): void {
    if (this.#over) return;
    // First, since the session answers the signal with `end`.
    this.#over = true;
    this.#source.detach();
    this.#revoked.abort(reason);
  }
}
