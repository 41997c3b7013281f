import type { Logger } from "pino";
import type { Channel } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { RelayDialer } from "../domain/ports/relay.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import type { Locator } from "./locator.ts";
import { Relay, type RelayEnd } from "./relay.ts";
import type { FleetSettings } from "./settings.ts";

export interface RelayKeeperOptions {
  readonly registry: Locator;
  readonly dialer: RelayDialer;
  readonly clock: Clock;
  readonly log: Logger;
  readonly self: string;
  readonly ticket: (location: StreamLocation) => string;
  readonly settings: Pick<FleetSettings, "relay" | "continuity">;
  readonly random: () => number;
}

interface Entry {
  readonly relay: Relay;
  readonly key: StreamKey;
  rereadAt: number;
}

/** Runs the relays of this origin, and rereads the records of all of them in one round trip. */
export class RelayKeeper {
  readonly #options: RelayKeeperOptions;
  readonly #entries = new Set<Entry>();
  #looking = false;

  constructor(options: RelayKeeperOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Begin to pull.
   *
   * @param location the owner, when it has just been looked up
   * @param since when media stopped, monotonic ms, for a stream that was played here before
   */
  start(
    channel: Channel,
    location: StreamLocation | undefined,
    since: number | undefined,
  ): { readonly relay: Relay; readonly ended: Promise<RelayEnd> } {
    const { registry, clock, settings, ...rest } = this.#options;
    const { key } = channel;
    const locate = async () => (await registry.locate([key]))[0];
    const { stallTimeout } = settings.relay;
    const options = { ...rest, channel, clock, locate, stallTimeout, hold: settings.continuity.hold };
    const entry: Entry = { relay: new Relay(options, location, since), key, rereadAt: clock.monotonic() };
    this.#entries.add(entry);
    if (!this.#looking) this.#schedule();
    const ended = entry.relay.run().finally(() => this.#entries.delete(entry));
    return { relay: entry.relay, ended };
  }

  #schedule(): void {
    const { clock, settings } = this.#options;
    this.#looking = this.#entries.size > 0;
    const every = Math.min(settings.relay.rereadEvery, settings.relay.stallTimeout / 2);
    if (this.#looking) clock.after(every, () => void this.#look());
  }

  /** Reread the records that are due, and those of relays that bring nothing. */
  async #look(): Promise<void> {
    const { registry, clock, settings, log } = this.#options;
    const now = clock.monotonic();
    const due = [...this.#entries].filter(
      ({ relay, rereadAt }) => relay.stalled || now - rereadAt >= settings.relay.rereadEvery,
    );
    try {
      const locations = due.length > 0 ? await registry.locate(due.map(({ key }) => key)) : [];
      due.forEach((entry, i) => {
        entry.rereadAt = now;
        if (this.#entries.has(entry)) entry.relay.reread(locations[i]);
      });
    } catch (error) {
      // Without the registry relays go on with the owners they know.
      log.debug({ err: error, relays: due.length }, "relays not reread");
      for (const { relay } of due) relay.notReread();
    }
    this.#schedule();
  }
}
