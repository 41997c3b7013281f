import type { HoldfastError } from "../domain/errors.ts";
import type { Channels } from "../domain/ports/channel.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import type { EncoderIdentity } from "./encoder.ts";
import type { Publication } from "./gates.ts";
import type { Holding } from "./holding.ts";
import type { IngestFeed } from "./ingest-feed.ts";
import { LocalStream } from "./local-stream.ts";
import type { LocalStreamOptions } from "./local-stream-options.ts";
import { standbysFull } from "./publish-refusal.ts";
import { isOver } from "./stream-endings.ts";

export interface LocalStreamsOptions extends LocalStreamOptions {
  readonly channels: Channels;
}

/** A stream inside this origin, for people and programs. */
export interface LocalStreamReport {
  readonly stream: StreamKey;
  readonly state: "published" | "ingested" | "relayed" | "held" | "standby";
  /** Name of the origin that is pulled from; empty when there is none. */
  readonly from: string;
  /** Our token; 0 when we do not own it. */
  readonly token: number;
  readonly players: number;
  readonly codecs: string;
  /** Encoders that stand by for it here, the preferred one first. `ready`: players could go on with it now. */
  readonly standbys: readonly { readonly publisher: string; readonly ready: boolean }[];
}

/** The streams inside this origin. One object per key, and one key per channel. */
export class LocalStreams {
  readonly #options: LocalStreamsOptions;
  readonly #streams = new Map<StreamKey, LocalStream>();

  constructor(options: LocalStreamsOptions) {
    this.#options = options;
  }

  /** The stream of this key, if something feeds it here or its players are held. */
  get(key: StreamKey): LocalStream | undefined {
    const stream = this.#streams.get(key);
    // A channel may have been ended past us.
    if (stream?.channel.ended) stream.end(isOver(key, "its channel was closed"));
    return this.#streams.get(key);
  }

  /** Let an encoder whose claim was granted feed the stream. */
  publish(holding: Holding, who: EncoderIdentity): Publication {
    return this.#open(holding.key).publishing.publish(holding, who);
  }

  /**
   * Hold an encoder ready for its stream.
   *
   * @throws HoldfastError `STREAM_NAME_TAKEN` when `publish.standbys` of them stand by here already
   */
  standBy(key: StreamKey, who: EncoderIdentity): Publication {
    const most = this.#options.settings.publish.standbys;
    const stream = this.#open(key);
    if (stream.publishing.standbys.length >= most) throw standbysFull(key, most);
    return stream.standBy(who);
  }

  /** A place for an ingest of this origin beside whatever feeds the stream now. */
  ingest(key: StreamKey): IngestFeed {
    return this.#open(key).prepareIngest();
  }

  /** The stream of this key, unless encoders only stand by for it: then it is fed elsewhere. */
  fed(key: StreamKey): LocalStream | undefined {
    const stream = this.get(key);
    return stream?.state === "standby" ? undefined : stream;
  }

  /**
   * The stream, pulled from its owner: joined when a pull is running or the stream is here anyway.
   *
   * @param since when the player came, monotonic ms: players of an ingest wait for media until the end of a hold
   */
  relay(location: StreamLocation, since: number): LocalStream {
    const { key, kind } = location.record;
    const present = this.fed(key);
    if (present) return present;
    const stream = this.#open(key);
    stream.relay(location, kind === "ingest" ? since : undefined);
    return stream;
  }

  /** The stream, on hold from the beginning: nobody owns it, and an ingest should bring it. @param since as in `relay` */
  expect(key: StreamKey, since: number): LocalStream {
    const present = this.fed(key);
    if (present) return present;
    const stream = this.#open(key);
    stream.expect(since);
    return stream;
  }

  /** What somebody plays here that another origin owns, or nobody. */
  played(): readonly StreamKey[] {
    return [...this.#streams.values()].filter((stream) => stream.borrowed).map(({ key }) => key);
  }

  list(): readonly LocalStreamReport[] {
    return [...this.#streams.values()].flatMap(({ key, state, relayedFrom, channel, publishing }) => {
      if (state === "unfed" || state === "ended") return [];
      const token = this.#options.ownership.get(key)?.token ?? 0;
      const { subscribers: players, codecs } = channel;
      const now = this.#options.clock.monotonic();
      const waiting = publishing.standbys.map(({ publisher, pulse }) => ({
        publisher,
        ready: pulse.beats(now),
      }));
      return [{ stream: key, state, from: relayedFrom ?? "", token, players, codecs, standbys: waiting }];
    });
  }

  /** End every stream: encoders are reset, relays closed, players told. */
  stop(reason: HoldfastError): void {
    for (const stream of [...this.#streams.values()]) stream.end(reason);
  }

  #open(key: StreamKey): LocalStream {
    const present = this.get(key);
    if (present) return present;
    const stream = new LocalStream(this.#options.channels.open(key), this.#options);
    this.#streams.set(key, stream);
    const forget = () => this.#streams.get(key) === stream && this.#streams.delete(key);
    stream.ended.addEventListener("abort", forget, { once: true });
    return stream;
  }
}
