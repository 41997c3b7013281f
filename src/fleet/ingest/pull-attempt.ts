import { HoldfastError } from "../../domain/errors.ts";
import type { MediaPacket } from "../../domain/ports/channel.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { IngestPuller } from "../../domain/ports/ingest-puller.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import type { IngestFeed } from "../ingest-feed.ts";

export interface PullAttemptOptions {
  readonly stream: StreamKey;
  readonly url: string;
  readonly puller: IngestPuller;
  readonly clock: Clock;
  readonly feed: IngestFeed;
  /** Whether this origin may pull, asked before every packet; and for how long still, in ms. */
  readonly may: () => boolean;
  readonly validFor: () => number;
  /** `ingest.keyframeTimeout`, from the source's answer on, in ms. */
  readonly keyframeTimeout: number;
  /** Longest time until something comes that players can begin with, in ms. */
  readonly patience: number;
  /** The stream can begin, with the packet that is being written; called until `begun` says that it has. */
  readonly onStart: () => void;
}

/** One pull of one URL, from the connection to its end. Every packet is asked for its right to pass. */
export class PullAttempt {
  readonly #options: PullAttemptOptions;
  readonly #cut = new AbortController();
  readonly #timers: (() => void)[] = [];
  #packet: MediaPacket | undefined;
  #started = false;
  /** Whether there was sound while a picture was waited for. */
  #sound = false;
  /** Sound alone is enough to begin with. */
  #soundCounts = false;

  constructor(options: PullAttemptOptions) {
    this.#options = options;
  }

  /** Whether it has brought something that players can begin with. */
  get started(): boolean {
    return this.#started;
  }

  /** End it. `run` rejects with `reason` once the connection is gone. */
  cut(reason: HoldfastError): void {
    this.#cut.abort(reason);
  }

  /** Resolves when the source ended in order; rejects with a HoldfastError. Nothing is left of it then. */
  async run(): Promise<void> {
    const { stream: label, url, puller, feed, clock, patience, may, validFor } = this.#options;
    const closed = () => this.cut(new HoldfastError("STREAM_ENDED", { detail: "its channel was closed" }));
    const lost = () => this.cut(feed.lost.reason as HoldfastError);
    feed.closed.addEventListener("abort", closed, { once: true });
    feed.lost.addEventListener("abort", lost, { once: true });
    feed.onStart = () => this.#start();
    this.#timers.push(clock.after(patience, () => this.#late(patience)));
    try {
      if (!may()) throw lapsed();
      const sink = { opened: () => this.#opened(), write: (packet: MediaPacket) => this.#write(packet) };
      await puller.pull({ url, label, validFor }, sink, this.#cut.signal);
    } catch (error) {
      // A puller may put its own words to a pull that was cut.
      throw this.#cut.signal.aborted ? this.#cut.signal.reason : error;
    } finally {
      for (const cancel of this.#timers) cancel();
      feed.onStart = () => undefined;
      feed.closed.removeEventListener("abort", closed);
      feed.lost.removeEventListener("abort", lost);
    }
    this.#cut.signal.throwIfAborted();
  }

  #opened(): void {
    const { clock, keyframeTimeout } = this.#options;
    const check = () => {
      if (this.#sound) this.#soundCounts = true;
      else this.#late(keyframeTimeout);
    };
    this.#timers.push(clock.after(keyframeTimeout, check));
  }

  #write(packet: MediaPacket): void {
    this.#cut.signal.throwIfAborted();
    if (!this.#options.may()) throw lapsed();
    this.#packet = packet;
    this.#options.feed.write(packet);
  }

  #start(): void {
    if (this.#packet?.type === "audio" && !this.#soundCounts) {
      this.#sound = true;
      return;
    }
    this.#started = true;
    this.#options.onStart();
  }

  #late(ms: number): void {
    if (this.#started || this.#soundCounts) return;
    this.cut(new HoldfastError("SOURCE_FAILED", { detail: `no keyframe came within ${Math.round(ms)} ms` }));
  }
}

/** Why nothing may be pulled any more. */
export function lapsed(): HoldfastError {
  return new HoldfastError("LEASE_LOST", { detail: "the lease was not renewed in time" });
}
