import type { Place, Published } from "../support/audience.ts";
import { marksOf } from "../support/flash-and-beep.ts";
import type { Marks } from "../support/flash-and-beep.ts";
import type { FlvTag } from "../support/flv-file.ts";
import { makeCertificate } from "../support/make-certificate.ts";
import type { TestCertificate } from "../support/make-certificate.ts";
import type { FeedOptions } from "../support/media-feed.ts";
import { MediaLibrary } from "../support/media-library.ts";
import type { Recipe } from "../support/make-media.ts";
import type { Publisher } from "../support/publisher.ts";
import type { PublisherKind } from "../support/publishers.ts";
import { startFleet } from "../support/start-fleet.ts";
import type { FleetOptions, TestFleet, TestOrigin } from "../support/start-fleet.ts";

/** Media that comes after everyone has joined, before the publisher leaves. */
export const SINCE_JOINED_MS = 2_000;

/** Where players sit, as their tests' names say it. */
export const HOME = "at the same origin";
export const AWAY = "at another origin";
export const THIRD = "at a third origin";

/** What the tests of one file share: a fleet and the prepared media. */
export class Stage {
  readonly placeNames: readonly string[];
  readonly #library = new MediaLibrary();
  readonly #publishers: Publisher[] = [];
  #fleet: TestFleet | undefined;
  #certificate: TestCertificate | undefined;

  constructor(origins: 2 | 3 = 2) {
    this.placeNames = [HOME, AWAY, THIRD].slice(0, origins);
  }

  async open(options: FleetOptions = {}): Promise<void> {
    this.#fleet = await startFleet({ origins: this.placeNames.length, ...options });
  }

  /** The same with RTMPS. */
  async openWithTls(options: FleetOptions = {}): Promise<void> {
    this.#certificate = await makeCertificate("127.0.0.1");
    const { cert, key } = this.#certificate;
    await this.open({ ...options, config: { ...options.config, rtmps: { port: 0, cert, key } } });
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#publishers.map((publisher) => publisher.stop()));
    await this.#fleet?.stop();
    await this.#library.close();
    await this.#certificate?.remove();
  }

  get fleet(): TestFleet {
    if (!this.#fleet) throw new Error("the fleet was not started");
    return this.#fleet;
  }

  /** The origin that is published to, first. */
  get home(): TestOrigin {
    return this.fleet.origins[0] as TestOrigin;
  }

  get away(): TestOrigin {
    return this.fleet.origins[1] as TestOrigin;
  }

  get places(): readonly Place[] {
    return this.placeNames.map((name, number) => ({
      name,
      at: (this.fleet.origins[number] as TestOrigin).at,
    }));
  }

  /** Publish, and wait until the origin owns the stream; `key` is its name without what a URL may add. */
  async publish(
    kind: PublisherKind,
    stream: string,
    recipe: Recipe,
    at = this.home,
    { key = stream, ...options }: FeedOptions & { readonly key?: string } = {},
  ): Promise<Publisher> {
    const publisher = await this.offer(kind, stream, recipe, at, options);
    await this.fleet.owned(key, at);
    return publisher;
  }

  /** Publish, whatever comes of it. */
  async offer(
    kind: PublisherKind,
    stream: string,
    recipe: Recipe,
    at: TestOrigin,
    options: FeedOptions = {},
  ): Promise<Publisher> {
    const publisher = kind.publish(at.at, stream, await this.#mediaFor(kind, recipe), options);
    this.#publishers.push(publisher);
    return publisher;
  }

  /** What players of these publications must have got. */
  async published(
    acts: readonly { publisher: Publisher; kind: PublisherKind; recipe: Recipe }[],
    sinceJoined = SINCE_JOINED_MS,
  ): Promise<Published> {
    return {
      publications: acts.map(({ publisher }) => publisher.sent()),
      media: await Promise.all(acts.map(({ kind, recipe }) => this.#mediaFor(kind, recipe))),
      order: acts.every(({ kind }) => kind.hands === "exact") ? "exact" : "per-track",
      tolerance: Math.max(...acts.map(({ kind }) => kind.tolerance)),
      sinceJoined,
    };
  }

  /** Make media ready, so that a later publish begins at once. */
  async prepare(recipe: Recipe): Promise<void> {
    await this.#library.get(recipe);
  }

  /** Where the marks are in prepared media. */
  async marks(recipe: Recipe): Promise<Marks> {
    return marksOf((await this.#library.get(recipe)).filter(({ timestamp }) => timestamp < 5_000));
  }

  #mediaFor(kind: PublisherKind, recipe: Recipe): Promise<FlvTag[]> {
    return this.#library.get({ ...recipe, ...kind.prefers });
  }
}
