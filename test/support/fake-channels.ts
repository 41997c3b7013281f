import { HoldfastError } from "../../src/domain/errors.ts";
import type {
  Channel,
  Channels,
  ChannelSource,
  MediaPacket,
  SourceKind,
  StandbySource,
  Subscriber,
  Subscription,
} from "../../src/domain/ports/channel.ts";
import type { Clock } from "../../src/domain/ports/clock.ts";
import type { StreamKey } from "../../src/domain/stream-key.ts";
import { broadcast } from "../../src/fleet/patience.ts";

/** Channels that hand every payload straight to the subscribers: the states of the real ones, without the media. */
export class FakeChannels implements Channels {
  readonly #clock: Clock;
  readonly #channels = new Map<StreamKey, FakeChannel>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(key: StreamKey): FakeChannel | undefined {
    const channel = this.#channels.get(key);
    return channel?.ended ? undefined : channel;
  }

  open(key: StreamKey): FakeChannel {
    const present = this.get(key);
    if (present) return present;
    const channel = new FakeChannel(key, this.#clock);
    this.#channels.set(key, channel);
    return channel;
  }

  all(): readonly FakeChannel[] {
    return [...this.#channels.values()].filter((channel) => !channel.ended);
  }
}

export class FakeChannel implements Channel {
  readonly key: StreamKey;
  /** Every source that was ever attached. */
  readonly sources: FakeSource[] = [];
  readonly #clock: Clock;
  readonly #seats = new Set<Subscriber>();
  readonly #subscriberListeners = new Set<(count: number) => void>();
  readonly #codecListeners = new Set<(codecs: string) => void>();
  readonly #endedSignal = broadcast();
  readonly #readyWaiters = new Set<() => void>();
  #current: FakeSource | undefined;
  #ready = false;
  #codecs = "";
  #lastPacketAt: number;

  constructor(key: StreamKey, clock: Clock) {
    this.key = key;
    this.#clock = clock;
    this.#lastPacketAt = clock.monotonic();
  }

  get source(): SourceKind | undefined {
    return this.#current?.kind;
  }
  get subscribers(): number {
    return this.#seats.size;
  }
  get ready(): boolean {
    return this.#ready;
  }
  get ended(): boolean {
    return this.#endedSignal.signal.aborted;
  }
  get endReason(): HoldfastError | undefined {
    return this.#endedSignal.signal.reason as HoldfastError | undefined;
  }
  get codecs(): string {
    return this.#codecs;
  }
  get lastPacketAt(): number {
    return this.#lastPacketAt;
  }

  attach(kind: SourceKind): ChannelSource {
    if (this.ended) throw new HoldfastError("STREAM_ENDED");
    this.#current?.close(new HoldfastError("STREAM_TAKEN_OVER"));
    this.#ready = false;
    this.#lastPacketAt = this.#clock.monotonic();
    const source: FakeSource = new FakeSource(kind, {
      packet: (packet) => this.#current === source && this.#spread(packet),
      leave: () => this.#current === source && this.#vacate(),
    });
    this.#current = source;
    this.sources.push(source);
    return source;
  }

  prepare(kind: SourceKind): StandbySource {
    return new FakeStandbySource(kind, this.#endedSignal.signal, () => this.attach(kind));
  }

  subscribe(subscriber: Subscriber): Subscription {
    if (this.ended) throw new HoldfastError("STREAM_ENDED");
    this.#seats.add(subscriber);
    this.#count();
    return { close: () => this.#seats.delete(subscriber) && this.#count() };
  }

  whenReady(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ready) return resolve();
      this.#readyWaiters.add(resolve);
      const fail = (reason: unknown) => {
        this.#readyWaiters.delete(resolve);
        reject(reason);
      };
      if (signal.aborted) return fail(signal.reason);
      if (this.ended) return fail(new HoldfastError("STREAM_ENDED"));
      signal.addEventListener("abort", () => fail(signal.reason), { once: true });
      this.#endedSignal.signal.addEventListener("abort", () => fail(new HoldfastError("STREAM_ENDED")));
    });
  }

  end(reason: HoldfastError): void {
    if (this.ended) return;
    const seats = [...this.#seats];
    this.#seats.clear();
    this.#endedSignal.abort(reason);
    this.#current?.close(reason);
    for (const seat of seats) seat.end(reason);
  }

  onSubscribers(listener: (count: number) => void): () => void {
    this.#subscriberListeners.add(listener);
    return () => void this.#subscriberListeners.delete(listener);
  }

  onCodecs(listener: (codecs: string) => void): () => void {
    this.#codecListeners.add(listener);
    return () => void this.#codecListeners.delete(listener);
  }

  /** Stand for the first sequence headers. */
  setCodecs(codecs: string): void {
    this.#codecs = codecs;
    for (const listener of this.#codecListeners) listener(codecs);
  }

  #spread(packet: MediaPacket): void {
    this.#lastPacketAt = this.#clock.monotonic();
    this.#ready = true;
    for (const wake of this.#readyWaiters) wake();
    this.#readyWaiters.clear();
    for (const seat of this.#seats) seat.write(packet.payload);
  }

  #vacate(): void {
    this.#current = undefined;
    this.#ready = false;
  }

  #count(): void {
    for (const listener of this.#subscriberListeners) listener(this.#seats.size);
  }
}

class FakeSource implements ChannelSource {
  readonly kind: SourceKind;
  readonly #closed = new AbortController();
  readonly #to: { packet(packet: MediaPacket): void; leave(): void };

  constructor(kind: SourceKind, to: { packet(packet: MediaPacket): void; leave(): void }) {
    this.kind = kind;
    this.#to = to;
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }
  write(packet: MediaPacket): void {
    if (!this.closed.aborted) this.#to.packet(packet);
  }
  detach(): void {
    if (!this.closed.aborted) this.#to.leave();
  }
  close(reason: HoldfastError): void {
    this.#closed.abort(reason);
  }
}

/** Every video packet that comes while it stands by is one to begin with, or sound before any; none is kept. */
class FakeStandbySource implements StandbySource {
  readonly kind: SourceKind;
  readonly closed: AbortSignal;
  readonly #attach: () => ChannelSource;
  #live: ChannelSource | undefined;
  #left = false;
  #video = false;
  onStart = () => {};

  constructor(kind: SourceKind, closed: AbortSignal, attach: () => ChannelSource) {
    this.kind = kind;
    this.closed = closed;
    this.#attach = attach;
  }

  get live(): boolean {
    return this.#live !== undefined && !this.#live.closed.aborted;
  }
  write(packet: MediaPacket): void {
    if (packet.type === "video") this.#video = true;
    if (this.live) this.#live?.write(packet);
    else if (!this.#left && (packet.type === "video" || (packet.type === "audio" && !this.#video)))
      this.onStart();
  }
  promote(): void {
    if (!this.live && !this.#left && !this.closed.aborted) this.#live = this.#attach();
  }
  demote(): void {
    this.#live?.detach();
    this.#live = undefined;
  }
  detach(): void {
    this.#left = true;
    this.demote();
  }
}

/** A player that remembers what it got. */
export class FakePlayer implements Subscriber {
  readonly form = "rtmp";
  readonly backlog = 0;
  readonly received: string[] = [];
  ended: HoldfastError | undefined;
  #subscription: Subscription | undefined;

  static on(channel: Channel): FakePlayer {
    const player = new FakePlayer();
    player.#subscription = channel.subscribe(player);
    return player;
  }

  write(batch: Buffer): void {
    this.received.push(batch.toString());
  }
  end(reason: HoldfastError): void {
    this.ended = reason;
  }
  /** Why it was ended, if it was. */
  fate(): string {
    return this.ended?.code ?? "playing";
  }
  leave(): void {
    this.#subscription?.close();
  }
}

/** A packet that says `text`. */
export function packet(text: string): MediaPacket {
  return { type: "video", timestamp: 0, payload: Buffer.from(text) };
}
