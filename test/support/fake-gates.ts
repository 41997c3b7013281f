import { HoldfastError } from "../../src/domain/errors.ts";
import type {
  Channel,
  Channels,
  ChannelSource,
  MediaPacket,
  StandbySource,
  Subscriber,
  Subscription,
} from "../../src/domain/ports/channel.ts";
import type { StreamKey } from "../../src/domain/stream-key.ts";
import type {
  PlayAnswer,
  PlayGate,
  PlayRequest,
  Publication,
  PublicationEnd,
  PublishGate,
  PublishRequest,
} from "../../src/fleet/gates.ts";

/** Gates that do what the test says, and keep what they were asked. Refuse everything until told otherwise. */
export class FakeGates implements PublishGate, PlayGate {
  readonly publishes: PublishRequest[] = [];
  readonly plays: PlayRequest[] = [];
  onPublish: (request: PublishRequest) => Promise<Publication> | Publication = () => {
    throw new HoldfastError("PUBLISH_UNAUTHORISED");
  };
  onPlay: (request: PlayRequest) => Promise<PlayAnswer> | PlayAnswer = () => {
    throw new HoldfastError("STREAM_NOT_FOUND");
  };

  async publish(request: PublishRequest): Promise<Publication> {
    this.publishes.push(request);
    return this.onPublish(request);
  }

  async play(request: PlayRequest): Promise<PlayAnswer> {
    this.plays.push(request);
    return this.onPlay(request);
  }
}

/** A publication that keeps what the encoder sent, and how it ended. */
export class ScriptedPublication implements Publication {
  readonly key: StreamKey;
  readonly packets: MediaPacket[] = [];
  /** Every call of `end`. */
  readonly ends: PublicationEnd[] = [];
  readonly source: ChannelSource;
  readonly #revoked = new AbortController();
  readonly #closed = new AbortController();

  constructor(key: StreamKey) {
    this.key = key;
    const { packets } = this;
    const closed = this.#closed.signal;
    this.source = {
      kind: "publisher",
      closed,
      write: (packet) => void (closed.aborted || packets.push(packet)),
      detach: () => this.#closed.abort(new HoldfastError("STREAM_ENDED")),
    };
  }

  get revoked(): AbortSignal {
    return this.#revoked.signal;
  }

  end(how: PublicationEnd): void {
    this.ends.push(how);
    this.source.detach();
  }

  /** What the gate does when the encoder must go. */
  revoke(reason: HoldfastError): void {
    this.#revoked.abort(reason);
  }

  /** What the channel does when another source comes. */
  replace(): void {
    this.#closed.abort(new HoldfastError("STREAM_TAKEN_OVER"));
  }
}

/** A channel whose subscribers the test feeds by hand. */
export class ScriptedChannel implements Channel {
  readonly key: StreamKey;
  readonly players = new Set<Subscriber>();
  readonly source = undefined;
  readonly ready = true;
  readonly codecs = "";
  readonly lastPacketAt = 0;
  ended = false;

  constructor(key: StreamKey) {
    this.key = key;
  }

  get subscribers(): number {
    return this.players.size;
  }

  subscribe(subscriber: Subscriber): Subscription {
    if (this.ended) throw new HoldfastError("STREAM_ENDED");
    this.players.add(subscriber);
    return { close: () => void this.players.delete(subscriber) };
  }

  write(batch: Buffer): void {
    for (const player of this.players) player.write(batch);
  }

  end(reason: HoldfastError): void {
    this.ended = true;
    for (const player of this.players) player.end(reason);
    this.players.clear();
  }

  attach(): ChannelSource {
    throw new Error("a scripted channel has no source");
  }

  prepare(): StandbySource {
    throw new Error("a scripted channel has no source");
  }

  whenReady(): Promise<void> {
    return Promise.resolve();
  }

  onSubscribers(): () => void {
    return () => undefined;
  }

  onCodecs(): () => void {
    return () => undefined;
  }
}

/** Gates of an origin that is alone, on real channels: whoever comes is accepted, the newest publisher wins. */
export function openGates(channels: Channels): FakeGates {
  const gates = new FakeGates();
  gates.onPublish = ({ key }) => {
    const channel = channels.open(key);
    const source = channel.attach("publisher");
    return {
      key,
      source,
      revoked: source.closed,
      end: (how) => {
        if (source.closed.aborted) return;
        source.detach();
        if (how === "unpublished") channel.end(new HoldfastError("STREAM_ENDED"));
      },
    };
  };
  gates.onPlay = ({ key }) => {
    const channel = channels.get(key);
    if (!channel || channel.ended) throw new HoldfastError("STREAM_NOT_FOUND");
    return { kind: "serve", channel };
  };
  return gates;
}
