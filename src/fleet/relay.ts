import type { Logger } from "pino";
import { backoffMs } from "../domain/backoff.ts";
import { asHoldfastError, HoldfastError } from "../domain/errors.ts";
import type { Channel } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { RelayDialer } from "../domain/ports/relay.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import { sleep } from "./patience.ts";
import { RelayPull } from "./relay-pull.ts";

/** How a relay ended. */
export type RelayEnd =
  /** The owner's encoder ended the stream. */
  | { readonly how: "unpublished" }
  /** Nobody owns the stream. `since`: when media stopped, monotonic ms; absent when there never was any. */
  | { readonly how: "gone"; readonly since: number | undefined }
  | { readonly how: "stopped" };

export interface RelayOptions {
  readonly channel: Channel;
  /** Name of this origin. A record that names it is never dialled. */
  readonly self: string;
  readonly dialer: RelayDialer;
  /** A new relay ticket for this owner. Throws when there is no cluster key. */
  readonly ticket: (location: StreamLocation) => string;
  /** Ask the registry, past the cache. */
  readonly locate: () => Promise<StreamLocation | undefined>;
  readonly clock: Clock;
  readonly log: Logger;
  /** `relay.stallTimeout` and `continuity.hold`, ms. */
  readonly stallTimeout: number;
  readonly hold: number;
  readonly random: () => number;
}

const REDIAL = { min: 100, max: 2_000 };
const MAX_STALL_MS = 30_000;
/** After an orderly end the owner's release may still be on its way to the registry. */
const LOOKS_AFTER_END = 4;
const LOOK_AGAIN_MS = 250;

/**
 * Pulls one stream from whoever owns it, for as long as somebody does: dials again when the pull breaks, follows the
 * stream to a new owner, and goes on with the last known owner while the registry is away.
 */
export class Relay {
  readonly #options: RelayOptions;
  readonly #log: Logger;
  readonly #stopped = new AbortController();
  #wake = new AbortController();
  #location: StreamLocation | undefined;
  #pull: RelayPull | undefined;
  #gapSince: number | undefined;
  #stallLimit: number;
  #problem: HoldfastError | undefined;
  #failing = false;

  /** @param since when media stopped, for a stream that was played here before */
  constructor(options: RelayOptions, location: StreamLocation | undefined, since: number | undefined) {
    this.#options = options;
    this.#log = options.log.child({ stream: options.channel.key });
    this.#location = location;
    this.#gapSince = since;
    this.#stallLimit = 2 * options.stallTimeout;
  }

  /** Name of the owner that is dialled, as far as it is known. */
  get owner(): string | undefined {
    return this.#location?.owner.name;
  }

  /** Why the last pull failed. */
  get problem(): HoldfastError | undefined {
    return this.#problem;
  }

  /** True when the owner must be looked up without waiting for the next reread. */
  get stalled(): boolean {
    return (this.#pull?.silentFor ?? 0) >= this.#options.stallTimeout;
  }

  stop(): void {
    this.#stopped.abort();
    this.#wake.abort();
    this.#pull?.cut(new HoldfastError("STOPPING", { detail: "the relay is not needed any more" }));
  }

  async run(): Promise<RelayEnd> {
    for (let failures = 0; ;) {
      const location = this.#location ?? (await this.#resolve());
      if (this.#stopped.signal.aborted) return { how: "stopped" };
      if (!location) return { how: "gone", since: this.#gapSince };
      this.#location = location;
      const { ended, delivered } = await this.#pullFrom(location);
      if (this.#stopped.signal.aborted) return { how: "stopped" };
      if (delivered) failures = 0;
      const moved = this.#location !== location && this.#location.owner.instance !== location.owner.instance;
      if (moved) continue;
      const next = ended ? await this.#lookAfterEnd(location) : await this.#resolve();
      if (this.#stopped.signal.aborted) return { how: "stopped" };
      if (!next) return ended ? { how: "unpublished" } : { how: "gone", since: this.#gapSince };
      this.#location = next;
      if (next.record.token !== location.record.token) continue;
      const left = this.#timeLeft();
      if (left <= 0) return { how: "gone", since: this.#gapSince };
      await this.#rest(Math.min(left, backoffMs(failures++, REDIAL, this.#options.random())));
    }
  }

  /** What a reread of the record said. `undefined`: nobody owns the stream, which counts only when media stopped. */
  reread(location: StreamLocation | undefined): void {
    const before = this.#location;
    const pull = this.#pull;
    const counts =
      location !== undefined &&
      location.owner.name !== this.#options.self &&
      location.record.token >= (before?.record.token ?? 0);
    if (counts) this.#location = location;
    if (counts && before && location.owner.instance !== before.owner.instance) {
      this.#log.info(
        { owner: location.owner.name, token: location.record.token },
        "relay follows the stream",
      );
      if (!pull) return this.#wake.abort();
      return pull.cut(new HoldfastError("NOT_OWNER", { detail: `${location.owner.name} owns it now` }));
    }
    this.#cutStalled(counts);
  }

  /** The record could not be read: the owner is taken for the one it was. */
  notReread(): void {
    this.#cutStalled(true);
  }

  /** An owner that is still the owner gets more time: its encoder may be silent, or the connection dead. */
  #cutStalled(sameOwner: boolean): void {
    const pull = this.#pull;
    if (!pull || !this.stalled) return;
    if (sameOwner && pull.opened && pull.silentFor < this.#stallLimit) return;
    this.#stallLimit = Math.min(MAX_STALL_MS, 2 * this.#stallLimit);
    pull.cut(
      new HoldfastError("RELAY_FAILED", { detail: `nothing came for ${Math.round(pull.silentFor)} ms` }),
    );
  }

  async #pullFrom(location: StreamLocation): Promise<{ ended: boolean; delivered: boolean }> {
    const { owner, record } = location;
    const pull = new RelayPull(this.#options.channel, this.#options.clock);
    this.#pull = pull;
    let ended = false;
    try {
      if (owner.relay === "")
        throw new HoldfastError("RELAY_FAILED", { detail: "it offers no relay address" });
      this.#log.info({ owner: owner.name, address: owner.relay, token: record.token }, "relay started");
      const { dialer, self } = this.#options;
      const target = {
        key: record.key,
        address: owner.relay,
        ticket: this.#options.ticket(location),
        asker: self,
      };
      await dialer.pull(target, () => pull.open(), pull.signal);
      ended = true;
      this.#log.info({ owner: owner.name }, "relay ended by the owner");
    } catch (thrown) {
      if (pull.delivered) this.#failing = false;
      this.#fail(location, asHoldfastError(thrown, "RELAY_FAILED"));
    }
    this.#pull = undefined;
    if (pull.delivered) {
      this.#gapSince = pull.lastPacketAt;
      this.#stallLimit = 2 * this.#options.stallTimeout;
    }
    return { ended, delivered: pull.delivered };
  }

  #fail({ owner }: StreamLocation, error: HoldfastError): void {
    if (this.#stopped.signal.aborted) return;
    const detail = `the stream could not be fetched from origin ${owner.name} (${owner.relay}): ${error.message}`;
    this.#problem = new HoldfastError("RELAY_FAILED", { detail, owner: owner.name }, { cause: error });
    const fields = { owner: owner.name, address: owner.relay, code: error.code, detail: error.message };
    // Every try is an event of its own only for those who debug.
    this.#log[this.#failing ? "debug" : "warn"](fields, "relay broke");
    this.#failing = true;
  }

  /** Who owns the stream now? While the registry is away: the last one known. */
  async #resolve(): Promise<StreamLocation | undefined> {
    const location = await this.#options.locate().catch(() => this.#location);
    return location?.owner.name === this.#options.self ? undefined : location;
  }

  /** After an orderly end: the next owner, if another encoder has taken the stream already. */
  async #lookAfterEnd(location: StreamLocation): Promise<StreamLocation | undefined> {
    let again: StreamLocation | undefined;
    for (let look = 0; look < LOOKS_AFTER_END; look++) {
      const next = await this.#options.locate().catch(() => undefined);
      if (!next) return undefined;
      // When it names us, an encoder has just come here, and this relay is about to be stopped.
      const newer = next.record.token > location.record.token && next.owner.name !== this.#options.self;
      if (newer && next.owner.instance !== location.owner.instance) return next;
      // The same origin under a greater token: a later encoder of the stream that has ended, or one that came since.
      again = newer ? next : undefined;
      await this.#rest(LOOK_AGAIN_MS);
      if (this.#stopped.signal.aborted) return undefined;
    }
    return again;
  }

  /** How long players may go on waiting for media, in ms. Without players from before there is no such limit. */
  #timeLeft(): number {
    const { clock, hold } = this.#options;
    return this.#gapSince === undefined ? Infinity : this.#gapSince + hold - clock.monotonic();
  }

  async #rest(ms: number): Promise<void> {
    await sleep(this.#options.clock, ms, this.#wake.signal);
    if (!this.#stopped.signal.aborted && this.#wake.signal.aborted) this.#wake = new AbortController();
  }
}
