import type { Channel, ChannelSource } from "../domain/ports/channel.ts";
import type { StreamKey } from "../domain/stream-key.ts";

export type ClientProtocol = "rtmp" | "rtmps" | "http-flv" | "ws-flv";

/** What is known of a connection that publishes or plays. */
export interface ClientInfo {
  /** Unique in this process; appears in every log line of the connection. */
  readonly id: string;
  readonly protocol: ClientProtocol;
  /** IP address of the peer, without the port. */
  readonly address: string;
  /** What the client says it is: RTMP `flashVer`, HTTP `User-Agent`. Untrusted. */
  readonly agent: string;
  /** An SRS edge or origin (`srs_version` among its connect arguments): the one RTMP client that follows a 302. */
  readonly srs: boolean;
}

export interface PublishRequest {
  readonly key: StreamKey;
  /** The query of the stream name or URL, without `?`. Carries secrets: never logged. */
  readonly query: string;
  readonly client: ClientInfo;
  /** Aborted when the client has left. */
  readonly left: AbortSignal;
}

/**
 * How a publication ended. `unpublished`: the encoder said so, the stream is over for its players, too. After the
 * others the players wait for the next encoder; `drained`: this origin wanted it so; `kicked`: an operator did.
 */
export type PublicationEnd = "unpublished" | "disconnected" | "drained" | "kicked";

/** Why an encoder should go elsewhere, and where. Addresses are `host:port`. */
export interface DrainNotice {
  /** Public RTMP address of this origin; empty when it offers none. */
  readonly from: string;
  /** Public RTMP address of an origin that takes publishes, another one each time; empty when none is known. */
  readonly next: () => string;
}

/** An accepted publish. */
export interface Publication {
  readonly key: StreamKey;
  /** Where the encoder's packets go. */
  readonly source: ChannelSource;
  /**
   * Fires once when the encoder must go: taken over, stalled, the origin stops. The reason is a HoldfastError.
   * The connection is then reset at once (`destroy`): encoders do not see a FIN.
   */
  readonly revoked: AbortSignal;
  /**
   * Fires at most once, when the encoder should go by itself as soon as it likes: this origin drains. The reason is
   * a {@link DrainNotice}. Its stream goes on here meanwhile. Absent where nothing drains.
   */
  readonly unwanted?: AbortSignal;
  /** The encoder is gone. Releases the ownership; does nothing when called again or after `revoked`. */
  end(how: PublicationEnd): void;
}

/** Decides, asynchronously and before any status is sent, whether a publish is accepted here. */
export interface PublishGate {
  /**
   * @throws HoldfastError with the refusal: `STREAM_NAME_TAKEN`, `TAKEOVER_TOO_SOON`, `STREAM_INGESTED`,
   * `PUBLISH_UNAUTHORISED`, `ORIGIN_DRAINING`, `REGISTRY_UNAVAILABLE`, `CLIENT_LEFT` …
   */
  publish(request: PublishRequest): Promise<Publication>;
}

export interface PlayRequest {
  readonly key: StreamKey;
  /** The query of the stream name or URL, without `?`. Carries secrets: never logged. */
  readonly query: string;
  readonly client: ClientInfo;
  /** Present when another origin of the fleet asks: its relay ticket. */
  readonly ticket?: string;
  /** True when this request is known to have been redirected once already. */
  readonly redirected: boolean;
  readonly left: AbortSignal;
}

export type PlayAnswer =
  /** Subscribe to this channel. It is ready, or on hold (its source left a moment ago and may come back). */
  | {
      readonly kind: "serve";
      readonly channel: Channel;
      /**
       * Present when the request carried a ticket. Fires when this origin stops owning the stream: then destroy that
       * connection at once, without StreamEOF, whatever the channel does: the asking origin takes a StreamEOF for
       * the end of the stream, and a broken connection for a reason to look up the new owner.
       */
      readonly revoked?: AbortSignal;
    }
  /** Go to the owner. `address` is `host:port` of the protocol that the client speaks. */
  | { readonly kind: "redirect"; readonly address: string; readonly owner: string };

/** Decides where a play is served from. */
export interface PlayGate {
  /**
   * @throws HoldfastError with the refusal: `STREAM_NOT_FOUND`, `PLAY_UNAUTHORISED`, `RELAY_FAILED`, `NOT_OWNER`,
   * `TICKET_INVALID`, `REGISTRY_UNAVAILABLE`, `CLIENT_LEFT` …
   */
  play(request: PlayRequest): Promise<PlayAnswer>;
}
