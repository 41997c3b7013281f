import type { Notice } from "../domain/ports/registry.ts";
import type { RedisClient } from "./client.ts";
import { decodeNotice } from "./codec.ts";

type Listener = (notice: Notice) => void;

/** How often a silent subscription is asked whether it still lives, in ms. */
const PING_EVERY_MS = 5_000;

/** The subscriptions of one process, on a connection of their own, renewed whenever that was made again. */
export class RedisNotices {
  readonly #client: RedisClient;
  readonly #listeners = new Map<string, Set<Listener>>();
  #ping: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(client: RedisClient) {
    this.#client = client;
    client.connection.on("message", (channel: string, payload: string) => this.#deliver(channel, payload));
  }

  /**
   * Hear what is published on `channel`. Resolves when subscribed; when Redis cannot be reached, after the time-outs:
   * the subscription is then made together with the connection. The returned function ends it.
   */
  async listen(channel: string, listener: Listener): Promise<() => void> {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(listener));
    await this.#start();
    await this.#subscribe(channel);
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.#listeners.get(channel) !== listeners) return;
      this.#listeners.delete(channel);
      this.#client.connection.unsubscribe(channel).catch(() => undefined);
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#ping);
    this.#listeners.clear();
    await this.#client.close();
  }

  async #start(): Promise<void> {
    if (this.#ping || this.#closed) return;
    // A subscriber never writes, so that only a ping shows that the other end is gone.
    this.#ping = setInterval(() => void this.#client.call("PING").catch(() => undefined), PING_EVERY_MS);
    this.#ping.unref();
    this.#client.onReady(() => {
      for (const channel of this.#listeners.keys()) void this.#subscribe(channel);
    });
    await this.#client.connect().catch(() => undefined);
  }

  /** A failure needs no answer: the connection is lost then, and the next one brings this about. */
  async #subscribe(channel: string): Promise<void> {
    await this.#client.subscribe(channel).catch(() => undefined);
  }

  #deliver(channel: string, payload: string): void {
    const notice = decodeNotice(payload);
    if (!notice) return;
    for (const listener of this.#listeners.get(channel) ?? []) listener(notice);
  }
}
