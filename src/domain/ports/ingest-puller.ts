import type { MediaPacket } from "./channel.ts";

/** What to pull. */
export interface PullTarget {
  /** With credentials: never logged. */
  readonly url: string;
  /** Name for the source's own log and for process titles: the stream key. */
  readonly label: string;
  /** How long the lease is still believed, in ms; 0 or less when that is over. What is pulled is gone by then. */
  validFor(): number;
}

/** Where a pull delivers. */
export interface PullSink {
  /** The source answered: media may come. Called once, before the first packet. */
  opened(): void;
  /** @throws whatever ends the pull: it is rejected with that */
  write(packet: MediaPacket): void;
}

/** Pulls configured sources. The media adapter implements it for each kind of URL. */
export interface IngestPuller {
  /**
   * Pull until the source ends, breaks, or `signal` is aborted. The connection or process is gone when this settles.
   *
   * Resolves when the source ended in order. Rejects with HoldfastError `SOURCE_UNREACHABLE` (no connection),
   * `SOURCE_REFUSED` (it said no: credentials, not found), `SOURCE_UNSUPPORTED` (codec, protocol), `SOURCE_FAILED`
   * (broke, stalled, wrong bytes), or the signal's reason. Messages carry no credentials.
   */
  pull(target: PullTarget, sink: PullSink, signal: AbortSignal): Promise<void>;
}
