import type { Logger } from "pino";
import type { Channel } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { StreamLocation, SwitchReason } from "../domain/stream-record.ts";
import type { Encoder } from "./encoder.ts";
import type { Encoders } from "./encoders.ts";
import type { Holding } from "./holding.ts";
import type { OwnerWatch } from "./owner-watch.ts";
import type { ClaimOutcome, Ownership } from "./ownership.ts";
import type { FleetSettings } from "./settings.ts";
import type { Tenure } from "./tenure.ts";

export interface SuccessionOptions {
  readonly channel: Channel;
  readonly encoders: Encoders;
  readonly self: string;
  readonly ownership: Ownership;
  readonly watch: OwnerWatch;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Pick<FleetSettings, "publish">;
  /** Whether this origin drains: its streams give way, and it takes none. */
  readonly leaving: () => boolean;
  /** While this origin owns the stream. */
  readonly tenure: () => Tenure | undefined;
  /** The stream was granted to this encoder: it feeds the channel from now on. */
  readonly onGranted: (holding: Holding, encoder: Encoder) => void;
}

/** How soon a stalled stream looks for an encoder again. */
const LOOK_AGAIN_MS = 100;
/** After a refusal that the record does not show. */
const ASK_AGAIN_MS = 1_000;

/**
 * Which of several encoders feeds a stream: finds out when the present one fails, here or at the owner, and lets one
 * that stands by go on.
 *
 * A standby holds nothing in the registry. It watches the record of its stream, and claims it when nobody owns it, when
 * its owner says that it is stalled, or when it is preferred and has been steady. The claim decides every race. While
 * this origin owns the stream its own encoders change at once, and the claim follows.
 */
export class Succession {
  readonly #options: SuccessionOptions;
  #cancelCheck: (() => void) | undefined;
  #unwatch: (() => void) | undefined;
  /** Rank of the owner's encoder elsewhere, as last seen; 0 when it gives way to nobody. */
  #ownerRank = 0;
  #claiming = false;
  /** Monotonic ms; a preferred encoder waits until then. */
  #notBefore = 0;
  /** Monotonic ms; nobody asks for the stream before. */
  #askAgainAt = 0;
  #stopped = false;

  constructor(options: SuccessionOptions) {
    this.#options = options;
  }

  /** Encoders or ownership have changed: look after what there is now. */
  tend(): void {
    const { encoders, tenure, watch, channel } = this.#options;
    this.#cancelCheck?.();
    this.#cancelCheck = undefined;
    const owned = tenure();
    if (this.#stopped || owned || encoders.size === 0) {
      this.#unwatch?.();
      this.#unwatch = undefined;
    } else this.#unwatch ??= watch.follow(channel.key, (location) => this.#look(location));
    if (owned && !this.#stopped) this.#check(owned);
  }

  stop(): void {
    this.#stopped = true;
    this.tend();
  }

  /** The encoder that fed the stream here has left: go on with another one, if there is one. */
  replace(tenure: Tenure): boolean {
    const { encoders, clock } = this.#options;
    const next = encoders.next(undefined, clock.monotonic());
    if (next) this.#switch(tenure, next, "gone");
    return next !== undefined;
  }

  /** A standby has just brought something that players can begin with: the moment for a change without a gap. */
  started(encoder: Encoder): void {
    const { clock, settings, tenure, leaving } = this.#options;
    const now = clock.monotonic();
    if (this.#claiming || now < this.#notBefore || leaving()) return;
    if (!encoder.pulse.steady(now, settings.publish.preferAfter)) return;
    const owned = tenure();
    const rank = owned ? (owned.encoder?.rank ?? 0) : this.#ownerRank;
    if (rank !== 0 && encoder.rank < rank) void this.#claim(encoder, "preferred");
  }

  /** While this origin owns the stream: does its encoder deliver? */
  #check(owned: Tenure): void {
    const { clock, encoders, ownership, leaving } = this.#options;
    const now = clock.monotonic();
    const { encoder, holding } = owned;
    const stalled = !encoder || encoder.pulse.stalled(now);
    const next = stalled ? encoders.next(encoder, now) : undefined;
    if (next) return this.#switch(owned, next, encoder ? "stalled" : "gone");
    const givesWay = stalled || leaving();
    if (givesWay !== holding.stalled && encoder)
      this.#options.log.info({ publisher: encoder.publisher, stalled, givesWay }, "encoder stalled or back");
    ownership.describe(holding, { stalled: givesWay });
    const ms = stalled ? LOOK_AGAIN_MS : encoder.pulse.due - now;
    this.#cancelCheck = clock.after(ms, () => this.#check(owned));
  }

  /** While another origin owns the stream, or nobody. */
  #look(location: StreamLocation | undefined): void {
    const { encoders, clock, self, tenure, leaving } = this.#options;
    if (tenure() || leaving()) return;
    this.#ownerRank = location?.record.rank ?? 0;
    const free = !location || location.owner.name === self;
    const now = clock.monotonic();
    if ((!free && !location.record.stalled) || now < this.#askAgainAt) return;
    const next = encoders.next(undefined, now);
    if (next) void this.#claim(next, free ? "gone" : "stalled");
  }

  /** Change the encoder here at once; the registry hears of it, whenever it can. */
  #switch(owned: Tenure, encoder: Encoder, reason: SwitchReason): void {
    const { log, ownership, onGranted } = this.#options;
    const { holding } = owned;
    const { publisher, rank } = encoder;
    log.info({ token: holding.token, publisher, reason }, "encoder switched");
    Object.assign(holding, { publisher, rank });
    ownership.describe(holding, { stalled: false });
    onGranted(holding, encoder);
    void this.#register(owned, encoder, reason);
  }

  async #register(owned: Tenure, encoder: Encoder, reason: SwitchReason): Promise<void> {
    const { ownership, channel, tenure, log } = this.#options;
    try {
      await ownership.inTurn(channel.key, async () => {
        if (tenure() !== owned || owned.encoder !== encoder) return;
        const outcome = await this.#ask(encoder, reason);
        if (outcome.outcome !== "granted") ownership.doubt(channel.key);
        else if (tenure() !== owned) this.#take(encoder, outcome.holding);
      });
    } catch (error) {
      log.debug({ err: error }, "switch not registered yet");
    }
  }

  /** Ask for the stream, for an encoder that stands by. */
  async #claim(encoder: Encoder, reason: SwitchReason): Promise<void> {
    if (this.#claiming) return;
    this.#claiming = true;
    const { ownership, channel, tenure, clock, log } = this.#options;
    const before = tenure();
    try {
      await ownership.inTurn(channel.key, async () => {
        if (this.#stopped || encoder.over || tenure() !== before) return;
        const outcome = await this.#ask(encoder, reason);
        if (outcome.outcome === "granted") return this.#take(encoder, outcome.holding);
        const now = clock.monotonic();
        this.#notBefore = now + (outcome.outcome === "too-soon" ? outcome.retryAfterMs : ASK_AGAIN_MS);
        if (outcome.outcome === "ingested") this.#askAgainAt = now + ASK_AGAIN_MS;
        log.debug({ outcome: outcome.outcome, reason }, "encoder goes on standing by");
      });
    } catch (error) {
      log.debug({ err: error }, "standby not asked for");
    } finally {
      this.#claiming = false;
    }
  }

  #ask({ publisher, rank }: Encoder, switched: SwitchReason): Promise<ClaimOutcome> {
    const { ownership, channel } = this.#options;
    const { codecs, key } = channel;
    return ownership.claim(key, { policy: "standby", switched, publisher, rank, codecs });
  }

  /** Granted. Much may have happened meanwhile. */
  #take(encoder: Encoder, holding: Holding): void {
    const { ownership, tenure, onGranted, log } = this.#options;
    if (holding.lost.aborted) return;
    const owned = tenure();
    if (owned?.encoder === encoder) return;
    if (!encoder.over && !this.#stopped) {
      log.info({ token: holding.token, publisher: encoder.publisher }, "encoder goes on");
      return onGranted(holding, encoder);
    }
    if (owned?.holding !== holding) ownership.release(holding, "encoder left while claiming");
    // The record names the one that has left.
    else if (owned.encoder) void this.#register(owned, owned.encoder, "gone");
  }
}
