import { HoldfastError } from "../../src/domain/errors.ts";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import type { IngestPuller, PullSink, PullTarget } from "../../src/domain/ports/ingest-puller.ts";
import { packet } from "./fake-channels.ts";

/** One pull of a source. */
export class FakePull {
  readonly url: string;
  readonly label: string;
  readonly target: PullTarget;
  readonly sink: PullSink;
  over = false;
  /** What the pull's sink said to the last packet that was written past its end. */
  refusal: unknown;
  readonly #finish: (how: { readonly error?: unknown }) => void;

  constructor(target: PullTarget, sink: PullSink, finish: (how: { readonly error?: unknown }) => void) {
    this.url = target.url;
    this.label = target.label;
    this.target = target;
    this.sink = sink;
    this.#finish = finish;
  }

  /** The source answers. */
  open(): this {
    this.sink.opened();
    return this;
  }

  /** The source sends a packet; true when it was taken. A refused one ends the pull, as with real sources. */
  send(text: string, type: MediaPacket["type"] = "video"): boolean {
    try {
      this.sink.write({ ...packet(text), type });
      return true;
    } catch (error) {
      this.refusal = error;
      this.fail(error);
      return false;
    }
  }

  /** Answer and send a keyframe. */
  flow(text = "keyframe"): this {
    this.open().send(text);
    return this;
  }

  end(): void {
    this.over = true;
    this.#finish({});
  }

  fail(error: unknown = new HoldfastError("SOURCE_FAILED", { detail: "the source broke" })): void {
    this.over = true;
    this.#finish({ error });
  }
}

/** Sources without a network: a test says when they answer, send and break. */
export class FakePuller implements IngestPuller {
  /** Every pull that was ever begun. */
  readonly pulls: FakePull[] = [];
  /** What a source does as soon as it is pulled. */
  onPull: (pull: FakePull) => void = () => {};
  /** Resolves before a cut connection is gone. */
  linger: () => Promise<void> = async () => {};

  pull(target: PullTarget, sink: PullSink, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const pull: FakePull = new FakePull(target, sink, ({ error }) => {
        if (error === undefined) resolve();
        else reject(error);
      });
      const cut = () =>
        void this.linger().then(() => {
          pull.over = true;
          reject(signal.reason as Error);
        });
      if (signal.aborted) return cut();
      signal.addEventListener("abort", cut, { once: true });
      this.pulls.push(pull);
      this.onPull(pull);
    });
  }

  /** Pulls of one stream that are open now. */
  open(stream: string): readonly FakePull[] {
    return this.pulls.filter(({ label, over }) => label === stream && !over);
  }

  /** The open pull of a stream; fails when there is none. */
  of(stream: string): FakePull {
    const pull = this.open(stream).at(-1);
    if (!pull) throw new Error(`nothing pulls ${stream}`);
    return pull;
  }
}
