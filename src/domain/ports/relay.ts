import type { StreamKey } from "../stream-key.ts";
import type { ChannelSource } from "./channel.ts";

/** Where and how to pull a stream inside the fleet. */
export interface RelayTarget {
  readonly key: StreamKey;
  /** Fleet-internal RTMP address of the owner, `host:port`. */
  readonly address: string;
  /** Proof that this origin belongs to the fleet; see fleet/cluster-key. */
  readonly ticket: string;
  /** Name of the origin that asks, for the owner's log. */
  readonly asker: string;
}

/** How origins pull from each other. The media adapter implements it with the fleet's own RTMP client. */
export interface RelayDialer {
  /**
   * Pull `target` into the source that `open` returns; `open` is called once, when the owner has accepted.
   *
   * Resolves when the owner ended the stream in order (StreamEOF, UnpublishNotify).
   * Rejects with `NOT_OWNER` or `STREAM_NOT_FOUND` when the owner refused, `RELAY_FAILED` when the pull broke,
   * and the signal's reason when `signal` was aborted. The connection is gone in every case, the source detached.
   */
  pull(target: RelayTarget, open: () => ChannelSource, signal: AbortSignal): Promise<void>;
}

/** How an origin asks who lives at a peer's address. */
export interface PeerProbe {
  /** `instance`: someone answered with this id, under this name. `refused`: nobody listens there. `silent`: no answer in time. */
  whoIs(
    address: string,
    timeoutMs: number,
  ): Promise<
    | { readonly outcome: "instance"; readonly instance: string; readonly name?: string }
    | { readonly outcome: "refused" | "silent" }
  >;
}
