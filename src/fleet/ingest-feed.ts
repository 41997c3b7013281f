import type { HoldfastError } from "../domain/errors.ts";
import type { MediaPacket, StandbySource } from "../domain/ports/channel.ts";
import type { Holding } from "./holding.ts";

export interface IngestFeedParts {
  readonly own: (holding: Holding) => void;
  readonly leave: (how: "ended" | "broken", reason: string) => void;
}

/** The place of one pull at its stream: it stands by until the stream is granted, then feeds it. */
export class IngestFeed {
  readonly #source: StandbySource;
  readonly #parts: IngestFeedParts;
  readonly #lost = new AbortController();
  #over = false;

  constructor(source: StandbySource, parts: IngestFeedParts) {
    this.#source = source;
    this.#parts = parts;
  }

  /** Fires when the stream was given to somebody else. The reason is a HoldfastError. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Fires when the channel has ended: what was kept is gone, and the source must be opened anew. */
  get closed(): AbortSignal {
    return this.#source.closed;
  }

  /** Called with each packet that players can begin with, until the stream is granted. */
  set onStart(listener: () => void) {
    this.#source.onStart = listener;
  }

  write(packet: MediaPacket): void {
    this.#source.write(packet);
  }

  /** The stream was granted: feed it from now on, instead of whatever does. */
  feed(holding: Holding): void {
    if (this.#over) return;
    this.#parts.own(holding);
    this.#source.promote();
  }

  /**
   * Leave, and give the stream back. `ended`: nobody wants it any more, its players are told so; `broken`: they wait
   * for whoever feeds it next.
   */
  end(how: "ended" | "broken", reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#source.detach();
    this.#parts.leave(how, reason);
  }

  /** Nothing more reaches a player, and nothing is given back: it is another's. */
  lose(reason: HoldfastError): void {
    this.#over = true;
    this.#source.detach();
    this.#lost.abort(reason);
  }
}
