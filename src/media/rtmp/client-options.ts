import type { AmfLimits } from "./amf0-decode.ts";
import type { AmfObject } from "./amf0.ts";
import type { ChunkLimits } from "./chunk-reader.ts";
import type { ConnectionTarget } from "./client-connection.ts";
import type { RtmpMessage } from "./message.ts";

/** Where and how to connect. */
export interface DialOptions extends ConnectionTarget {
  readonly app: string;
  /** `rtmp://host:port/app`, without the stream: SRS takes the app from here. */
  readonly tcUrl: string;
  /** Added to the object of `connect`; replaces what stands there. */
  readonly connectExtras?: AmfObject;
  /** Longest wait, in ms, for each answer: to connect (from the first SYN on), createStream, play and publish. */
  readonly timeoutMs: number;
  /** What the server may make this side take. */
  readonly limits: ClientLimits;
  /** Ends the connection at once, whatever it is doing. */
  readonly signal: AbortSignal;
}

export interface ClientLimits extends ChunkLimits {
  readonly amf: AmfLimits;
}

export interface StreamOptions {
  /**
   * Do not wait for the answers to connect and createStream: for servers known to answer 1.
   * Saves two round trips.
   */
  readonly pipelined?: boolean;
}

/** Takes a message of the stream: audio (8), video (9) or data (18, in AMF0 always). */
export type MediaListener = (message: RtmpMessage) => void;

/** How a connection ended. */
export interface ClientEnd {
  /** `finished`: the server said that the stream is over. `left`: this side ended it. */
  readonly how: "finished" | "left" | "failed";
  /** A HoldfastError, or the signal's reason. */
  readonly reason: unknown;
  /** Where the server said that the stream went, after it had begun. Carries the query: never logged. */
  readonly redirect: string | undefined;
}
