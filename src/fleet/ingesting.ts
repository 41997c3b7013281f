import type { HoldfastError } from "../domain/errors.ts";
import type { Channel } from "../domain/ports/channel.ts";
import type { Holding } from "./holding.ts";
import { IngestFeed } from "./ingest-feed.ts";
import type { Ownership } from "./ownership.ts";
import { isNotOurs } from "./stream-endings.ts";
import { Tenure } from "./tenure.ts";

export interface IngestingOptions {
  readonly channel: Channel;
  readonly ownership: Ownership;
  /** What the stream does about it. */
  readonly on: {
    /** An ingest is about to feed the channel: let go what does. */
    readonly owned: () => void;
    /** Another origin was given the stream. */
    readonly lost: (reason: HoldfastError) => void;
    /** Nothing feeds it, and nothing is owned: `ended` when nobody wants it any more, `broken` when it may go on. */
    readonly vacant: (how: "ended" | "broken") => void;
    /** An ingest that stood by has left. */
    readonly fewer: () => void;
  };
}

/** The ingest of one stream at this origin, and the stream's ownership while it feeds the channel. */
export class Ingesting {
  readonly #options: IngestingOptions;
  readonly #feeds = new Set<IngestFeed>();
  #owner: { readonly feed: IngestFeed; readonly tenure: Tenure } | undefined;

  constructor(options: IngestingOptions) {
    this.#options = options;
  }

  /** While this origin owns the stream, and an ingest feeds it. */
  get tenure(): Tenure | undefined {
    return this.#owner?.tenure;
  }

  /** Whether a pull is here, feeding the stream or about to. */
  get prepared(): boolean {
    return this.#feeds.size > 0;
  }

  /** A place for one pull. */
  prepare(): IngestFeed {
    const source = this.#options.channel.prepare("ingest");
    const feed: IngestFeed = new IngestFeed(source, {
      own: (holding) => this.#own(feed, holding),
      leave: (how, reason) => this.#leave(feed, how, reason),
    });
    this.#feeds.add(feed);
    return feed;
  }

  /** An encoder was given the stream at this origin: the ingest must go. */
  yield(): void {
    const owner = this.#resign();
    if (!owner) return;
    this.#feeds.delete(owner.feed);
    owner.feed.lose(isNotOurs(this.#options.channel.key));
    owner.tenure.depose();
  }

  /** The stream is over. */
  end(): void {
    this.#feeds.clear();
    const owner = this.#resign();
    if (!owner) return;
    this.#options.ownership.release(owner.tenure.holding, "stream ended");
    owner.tenure.depose();
  }

  #own(feed: IngestFeed, holding: Holding): void {
    const { channel, ownership, on } = this.#options;
    this.#resign();
    const onLost = (lost: Tenure, reason: HoldfastError) => this.#lost(lost, reason);
    const tenure = new Tenure({ holding, channel, ownership, onLost });
    on.owned();
    this.#owner = { feed, tenure };
  }

  #leave(feed: IngestFeed, how: "ended" | "broken", reason: string): void {
    const { ownership, on } = this.#options;
    if (!this.#feeds.delete(feed)) return;
    if (this.#owner?.feed !== feed) return on.fewer();
    const { tenure } = this.#owner;
    this.#resign();
    ownership.release(tenure.holding, reason);
    // Relays of a stream that is over get the orderly end: that is how their origins tell it from a failure.
    if (how === "broken") tenure.depose();
    on.vacant(how);
  }

  #lost(tenure: Tenure, reason: HoldfastError): void {
    if (this.#owner?.tenure !== tenure) return;
    const { feed } = this.#owner;
    this.#resign();
    this.#feeds.delete(feed);
    feed.lose(reason);
    tenure.depose();
    this.#options.on.lost(reason);
  }

  #resign(): { readonly feed: IngestFeed; readonly tenure: Tenure } | undefined {
    const owner = this.#owner;
    owner?.tenure.close();
    this.#owner = undefined;
    return owner;
  }
}
