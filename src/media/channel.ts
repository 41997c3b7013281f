import { HoldfastError } from "../domain/errors.ts";
import type {
  Channel,
  ChannelSource,
  MediaPacket,
  SourceKind,
  StandbySource,
  Subscriber,
  Subscription,
} from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import { broadcast } from "../fleet/patience.ts";
import { Fanout, type FanoutSettings } from "./fanout.ts";
import type { FanoutTotals } from "./fanout-totals.ts";
import { Feed } from "./feed.ts";
import { PreparedSource, type FeedSeat } from "./prepared-source.ts";
import { Timeline } from "./timeline.ts";

interface Attachment {
  readonly kind: SourceKind;
  readonly seat: FeedSeat;
  readonly feed: Feed;
  readonly close: (reason: HoldfastError) => void;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** What a channel is made with. */
export interface ChannelParts {
  readonly clock: Clock;
  readonly settings: FanoutSettings;
  readonly totals: FanoutTotals;
  /** Called once, when it has ended. */
  readonly onEnd: (channel: Channel) => void;
}

/** One stream inside one origin: sources on one side, players on the other, a timeline in between. */
export class MediaChannel implements Channel {
  readonly key: StreamKey;
  readonly #clock: Clock;
  readonly #onEnd: (channel: Channel) => void;
  readonly #fanout: Fanout;
  readonly #settings: Pick<FanoutSettings, "gop" | "groups">;
  readonly #over = broadcast();
  readonly #timeline = new Timeline();
  readonly #waiters = new Set<Waiter>();
  readonly #subscriberListeners = new Set<(count: number) => void>();
  readonly #codecListeners = new Set<(codecs: string) => void>();
  #attached: Attachment | undefined;
  #codecs = "";
  #lastPacketAt: number;
  #ended: HoldfastError | undefined;

  constructor(key: StreamKey, { clock, settings, totals, onEnd }: ChannelParts) {
    this.key = key;
    this.#clock = clock;
    this.#onEnd = onEnd;
    this.#lastPacketAt = clock.monotonic();
    this.#settings = settings;
    this.#fanout = new Fanout(clock, settings, totals, () => this.#tellPlayers());
  }

  get source(): SourceKind | undefined {
    return this.#attached?.kind;
  }

  get subscribers(): number {
    return this.#fanout.players;
  }

  /** The fan-out window, ms. */
  get window(): number {
    return this.#fanout.window;
  }

  get ready(): boolean {
    return this.#attached?.feed.entered ?? false;
  }

  get ended(): boolean {
    return this.#ended !== undefined;
  }

  get codecs(): string {
    return this.#codecs;
  }

  get lastPacketAt(): number {
    return this.#lastPacketAt;
  }

  attach(kind: SourceKind): ChannelSource {
    const seat = this.#sit(kind);
    return {
      kind,
      closed: seat.closed,
      write: (packet) => seat.take(packet, this.#clock.monotonic()),
      detach: () => seat.leave(),
    };
  }

  prepare(kind: SourceKind): StandbySource {
    return new PreparedSource({
      kind,
      clock: this.#clock,
      limits: this.#settings.gop,
      memory: this.#settings.groups,
      closed: this.#over.signal,
      lastPacketAt: () => this.#lastPacketAt,
      sit: () => this.#sit(kind),
    });
  }

  subscribe(subscriber: Subscriber): Subscription {
    if (this.#ended) throw new HoldfastError("STREAM_ENDED", {}, { cause: this.#ended });
    const seat = this.#fanout.join(subscriber);
    return { close: () => void this.#fanout.leave(seat) };
  }

  async whenReady(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#ended) throw streamEnded(this.#ended);
    if (this.ready) return;
    await new Promise<void>((resolve, reject) => {
      const abort = (): void => settle(() => reject(signal.reason));
      const waiter: Waiter = {
        resolve: () => settle(resolve),
        reject: (reason) => settle(() => reject(reason)),
      };
      const settle = (then: () => void): void => {
        this.#waiters.delete(waiter);
        signal.removeEventListener("abort", abort);
        then();
      };
      this.#waiters.add(waiter);
      signal.addEventListener("abort", abort, { once: true });
    });
  }

  end(reason: HoldfastError): void {
    if (this.#ended) return;
    this.#ended = reason;
    const former = this.#attached;
    this.#attached = undefined;
    this.#onEnd(this);
    this.#fanout.end(reason);
    former?.close(reason);
    this.#over.abort(reason);
    for (const waiter of this.#waiters) waiter.reject(streamEnded(reason));
  }

  onSubscribers(listener: (count: number) => void): () => void {
    this.#subscriberListeners.add(listener);
    return () => this.#subscriberListeners.delete(listener);
  }

  onCodecs(listener: (codecs: string) => void): () => void {
    this.#codecListeners.add(listener);
    return () => this.#codecListeners.delete(listener);
  }

  #sit(kind: SourceKind): FeedSeat {
    const abort = new AbortController();
    const feed = new Feed(this.#timeline, (message) => this.#fanout.push(message));
    const seat: FeedSeat = {
      closed: abort.signal,
      get headers() {
        return feed.headers;
      },
      take: (packet, at) => this.#take(seat, packet, at),
      leave: () => this.#leave(seat),
    };
    if (this.#ended) {
      abort.abort(this.#ended);
      return seat;
    }
    const former = this.#attached;
    this.#fanout.forget();
    this.#lastPacketAt = this.#clock.monotonic();
    this.#attached = { kind, seat, feed, close: (reason) => abort.abort(reason) };
    former?.close(new HoldfastError("STREAM_TAKEN_OVER"));
    return seat;
  }

  #take(seat: FeedSeat, packet: MediaPacket, at: number): void {
    const attached = this.#attached;
    if (attached?.seat !== seat) return;
    this.#lastPacketAt = Math.max(this.#lastPacketAt, at);
    attached.feed.take(packet, at);
    // A player's write may have ended the channel, or brought another source.
    if (this.#attached !== attached || !attached.feed.entered) return;
    for (const waiter of this.#waiters) waiter.resolve();
    const { codecs } = attached.feed;
    if (codecs === this.#codecs) return;
    this.#codecs = codecs;
    for (const listener of this.#codecListeners) listener(codecs);
  }

  #leave(seat: FeedSeat): void {
    if (this.#attached?.seat !== seat) return;
    this.#attached = undefined;
    this.#fanout.forget();
  }

  #tellPlayers(): void {
    const count = this.#fanout.players;
    for (const listener of this.#subscriberListeners) listener(count);
  }
}

function streamEnded(reason: HoldfastError): HoldfastError {
  return reason.code === "STREAM_ENDED" ? reason : new HoldfastError("STREAM_ENDED", {}, { cause: reason });
}
