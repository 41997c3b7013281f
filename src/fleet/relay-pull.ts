import type { HoldfastError } from "../domain/errors.ts";
import type { Channel, ChannelSource } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";

/** One connection of a relay, from the dial to its end. */
export class RelayPull {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #cut = new AbortController();
  #opened = false;
  #delivered = false;

  constructor(channel: Channel, clock: Clock) {
    this.#channel = channel;
    this.#clock = clock;
    this.#startedAt = clock.monotonic();
  }

  get signal(): AbortSignal {
    return this.#cut.signal;
  }

  /** Whether the owner has accepted. */
  get opened(): boolean {
    return this.#opened;
  }

  /** Monotonic ms. */
  get lastPacketAt(): number {
    return this.#channel.lastPacketAt;
  }

  /** Whether anything has come. */
  get delivered(): boolean {
    return this.#delivered;
  }

  /** How long nothing has come, in ms. */
  get silentFor(): number {
    const last = this.#opened ? Math.max(this.lastPacketAt, this.#startedAt) : this.#startedAt;
    return this.#clock.monotonic() - last;
  }

  /** The owner has accepted: take the channel over. */
  open(): ChannelSource {
    this.#cut.signal.throwIfAborted();
    const source = this.#channel.attach("relay");
    this.#opened = true;
    return {
      kind: source.kind,
      closed: source.closed,
      detach: () => source.detach(),
      write: (packet) => {
        this.#delivered = true;
        source.write(packet);
      },
    };
  }

  cut(reason: HoldfastError): void {
    this.#cut.abort(reason);
  }
}
