import type { Logger } from "pino";
import type { Clock } from "../domain/ports/clock.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import type { Locator } from "./locator.ts";

type Listener = (location: StreamLocation | undefined) => void;

const LOOK_EVERY_MS = 250;

/**
 * Waits for owners: looks all watched streams up every 250 ms, in one round trip and past every cache.
 *
 * While the registry is away nothing is found, and the watch goes on.
 */
export class OwnerWatch {
  readonly #registry: Locator;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listeners = new Map<StreamKey, Set<Listener>>();
  #looking = false;

  constructor(options: { registry: Locator; clock: Clock; log: Logger }) {
    this.#registry = options.registry;
    this.#clock = options.clock;
    this.#log = options.log;
  }

  /** `listener` hears of the owner each time one is found. The returned function ends the watch. */
  watch(key: StreamKey, listener: (location: StreamLocation) => void): () => void {
    return this.follow(key, (location) => location && listener(location));
  }

  /** `listener` hears each time who owns the stream, also that nobody does. The returned function ends the watch. */
  follow(key: StreamKey, listener: Listener): () => void {
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    if (!this.#looking) this.#schedule();
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  #schedule(): void {
    this.#looking = this.#listeners.size > 0;
    if (this.#looking) this.#clock.after(LOOK_EVERY_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const keys = [...this.#listeners.keys()];
    try {
      const locations = keys.length > 0 ? await this.#registry.locate(keys) : [];
      keys.forEach((key, i) => this.#tell(key, locations[i]));
    } catch (error) {
      this.#log.debug({ err: error, streams: keys.length }, "owners not looked up");
    }
    this.#schedule();
  }

  #tell(key: StreamKey, location: StreamLocation | undefined): void {
    for (const listener of [...(this.#listeners.get(key) ?? [])]) listener(location);
  }
}
