import type { OriginRecord } from "../domain/origin-record.ts";
import type { PeerLinks } from "../domain/ports/peer-links.ts";
import type { Registry } from "../domain/ports/registry.ts";
import { buryIfDead, type BurialTools } from "./burial.ts";
import { broadcast, sleep } from "./patience.ts";
import { watchedPeers } from "./watch-ring.ts";

export interface ObituaryOptions extends BurialTools {
  readonly registry: BurialTools["registry"] & Pick<Registry, "listOrigins">;
  readonly links: PeerLinks;
  /** From 0 to 1; for jitter. */
  readonly random: () => number;
}

interface Watch {
  readonly over: AbortController;
  linked: boolean;
}

const LOOK_EVERY_MS = 3_000;
/** Between two links to the same peer, ms. */
const LINK_AGAIN_MS = 500;
/** After a link that was never greeted, at most, ms. */
const LINK_AGAIN_MAX_MS = 10_000;

/**
 * Watches a few peers over idle connections, and buries those whose process is proven dead: what they held is free
 * within half a second instead of a time to live.
 *
 * An orderly leaver has no session any more when its links end: nothing is left to bury.
 */
export class Obituary {
  readonly #options: ObituaryOptions;
  readonly #stopped = broadcast();
  /** By instance. */
  readonly #watched = new Map<string, Watch>();
  readonly #running = new Set<Promise<void>>();
  #loop: Promise<void> = Promise.resolve();

  constructor(options: ObituaryOptions) {
    this.#options = options;
  }

  /** How many peers are linked now. */
  get links(): number {
    return [...this.#watched.values()].filter(({ linked }) => linked).length;
  }

  start(): void {
    this.#loop = this.#run();
  }

  /** Let go of all links. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    for (const { over } of this.#watched.values()) over.abort();
    await Promise.all([this.#loop, ...this.#running]);
  }

  async #run(): Promise<void> {
    const { registry, clock, log, random, self } = this.#options;
    while (!this.#stopped.signal.aborted) {
      try {
        const origins = await registry.listOrigins();
        if (!this.#stopped.signal.aborted) this.#choose(watchedPeers(self, origins), origins);
      } catch (error) {
        // The links stay: whoever dies meanwhile cannot be buried anyway.
        log.debug({ err: error }, "peers not listed");
      }
      await sleep(clock, LOOK_EVERY_MS * (0.8 + 0.4 * random()), this.#stopped.signal);
    }
  }

  #choose(peers: readonly OriginRecord[], all: readonly OriginRecord[]): void {
    const wanted = new Set(peers.map(({ instance }) => instance));
    const alive = new Set(all.map(({ instance }) => instance));
    for (const [instance, { over, linked }] of this.#watched) {
      // A session that has expired with its process alive comes back: the link is kept while it holds.
      const lapsed = !alive.has(instance) && linked;
      if (!wanted.has(instance) && !lapsed) {
        this.#watched.delete(instance);
        over.abort();
      }
    }
    for (const peer of peers) {
      if (this.#watched.has(peer.instance)) continue;
      const watch = { over: broadcast(), linked: false };
      this.#watched.set(peer.instance, watch);
      const work = this.#watch(peer, watch).finally(() => this.#running.delete(work));
      this.#running.add(work);
    }
  }

  async #watch(peer: OriginRecord, watch: Watch): Promise<void> {
    const { links, clock, log } = this.#options;
    const { signal } = watch.over;
    const greeted = () => {
      watch.linked = true;
      log.info({ peer: peer.name, address: peer.peer }, "peer linked");
    };
    for (let pause = LINK_AGAIN_MS; !signal.aborted;) {
      const end = await links.hold(peer, greeted, signal);
      if (signal.aborted) break;
      pause = watch.linked ? LINK_AGAIN_MS : Math.min(LINK_AGAIN_MAX_MS, pause * 2);
      watch.linked = false;
      log.debug({ peer: peer.name, end }, "peer link ended");
      if (end === "closed" && (await this.#examine(peer, signal))) break;
      await sleep(clock, pause, signal);
    }
    watch.linked = false;
    if (this.#watched.get(peer.instance) === watch) this.#watched.delete(peer.instance);
  }

  async #examine(peer: OriginRecord, signal: AbortSignal): Promise<boolean> {
    try {
      return await buryIfDead(peer, this.#options, signal);
    } catch (error) {
      this.#options.log.warn({ peer: peer.name, err: error }, "peer not buried");
      return false;
    }
  }
}
