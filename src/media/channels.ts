import type { Logger } from "pino";
import type { Config } from "../config/schema.ts";
import type { Channel, Channels } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import { MediaChannel } from "./channel.ts";
import type { FanoutSettings } from "./fanout.ts";
import { FanoutTotals } from "./fanout-totals.ts";
import { GroupMemory } from "./group-memory.ts";

export interface ChannelsOptions {
  readonly clock: Clock;
  readonly config: {
    readonly fanout: Config["fanout"];
    readonly gop: Config["gop"];
    readonly rtmp: Pick<Config["rtmp"], "chunkSize">;
  };
  readonly log: Logger;
}

/** All channels of one origin, by key. An ended one is forgotten at once. */
export class MediaChannels implements Channels {
  readonly #clock: Clock;
  readonly #settings: FanoutSettings;
  readonly #log: Logger;
  readonly #totals = new FanoutTotals();
  readonly #channels = new Map<StreamKey, MediaChannel>();

  constructor({ clock, config, log }: ChannelsOptions) {
    this.#clock = clock;
    const groups = new GroupMemory(config.gop.maxTotal);
    this.#settings = { ...config.fanout, gop: config.gop, groups, chunkSize: config.rtmp.chunkSize };
    this.#log = log;
  }

  /** Players of all channels. */
  get players(): number {
    return this.#totals.players;
  }

  /** What has been sent to players, and what not. */
  get fanout(): Readonly<FanoutTotals> {
    return this.#totals;
  }

  /** Bytes that all channels keep for players that join, and of encoders that stand by. */
  get gopBytes(): number {
    return this.#settings.groups.taken;
  }

  /** Groups that were dropped because all together took too much. */
  get gopDrops(): number {
    return this.#settings.groups.drops;
  }

  /** The present fan-out window of each channel, in ms. */
  windows(): readonly number[] {
    return [...this.#channels.values()].map(({ window }) => window);
  }

  get(key: StreamKey): Channel | undefined {
    return this.#channels.get(key);
  }

  open(key: StreamKey): Channel {
    const present = this.#channels.get(key);
    if (present) return present;
    const channel = new MediaChannel(key, {
      clock: this.#clock,
      settings: this.#settings,
      totals: this.#totals,
      onEnd: (ended) => this.#forget(ended),
    });
    this.#channels.set(key, channel);
    this.#log.debug({ stream: key }, "channel opened");
    return channel;
  }

  all(): readonly Channel[] {
    return [...this.#channels.values()];
  }

  #forget(ended: Channel): void {
    if (this.#channels.get(ended.key) === ended) this.#channels.delete(ended.key);
    this.#log.debug({ stream: ended.key }, "channel ended");
  }
}
