import type { Logger } from "pino";
import type { HoldfastError } from "../domain/errors.ts";
import type { Channel } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import { Encoder, type EncoderIdentity } from "./encoder.ts";
import { Encoders } from "./encoders.ts";
import type { Publication, PublicationEnd } from "./gates.ts";
import type { Holding } from "./holding.ts";
import type { OwnerWatch } from "./owner-watch.ts";
import type { Ownership } from "./ownership.ts";
import type { FleetSettings } from "./settings.ts";
import { isPublishedAnew } from "./stream-endings.ts";
import { Succession } from "./succession.ts";
import { Tenure } from "./tenure.ts";

export interface PublishingOptions {
  readonly channel: Channel;
  readonly self: string;
  readonly ownership: Ownership;
  readonly watch: OwnerWatch;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Pick<FleetSettings, "publish">;
  /** Whether this origin drains. */
  readonly leaving: () => boolean;
  /** What the stream does about it. */
  readonly on: {
    /** An encoder is about to feed the channel: let go what does. */
    readonly owned: () => void;
    /** Another origin was given the stream. */
    readonly lost: (reason: HoldfastError) => void;
    /** Nobody feeds it, and nothing is owned: `ended` when its last encoder said so, `broken` when it is just gone. */
    readonly vacant: (how: "ended" | "broken") => void;
    /** An encoder that stood by has left. */
    readonly fewer: () => void;
  };
}

/** After an encoder's goodbye: so long others of the fleet that stand by for the stream have to go on. */
const LAST_CALL_MS = 1_000;

/** The encoders of one stream at this origin, and its ownership while one of them feeds the channel. */
export class Publishing {
  readonly #options: PublishingOptions;
  readonly #encoders = new Encoders();
  /** Absent unless encoders stand by here. */
  readonly #succession: Succession | undefined;
  #tenure: Tenure | undefined;

  constructor(options: PublishingOptions) {
    this.#options = options;
    if (options.settings.publish.onDuplicate !== "standby") return;
    this.#succession = new Succession({
      ...options,
      encoders: this.#encoders,
      tenure: () => this.#tenure,
      onGranted: (holding, encoder) => this.#own(holding, encoder),
    });
  }

  /** While this origin owns the stream. */
  get tenure(): Tenure | undefined {
    return this.#tenure;
  }

  /** Encoders that stand by, the preferred one first. */
  get standbys(): readonly Encoder[] {
    return this.#encoders.standbys(this.#tenure?.encoder);
  }

  /** Whether encoders are here, feeding the stream or standing by. */
  get manned(): boolean {
    return this.#encoders.size > 0;
  }

  /** Whether one that stands by could go on now. */
  get manageable(): boolean {
    return this.#encoders.next(undefined, this.#options.clock.monotonic()) !== undefined;
  }

  isFedBy(holding: Holding): boolean {
    return this.#tenure?.holding === holding;
  }

  /** An encoder's claim was granted: it feeds the channel from now on. */
  publish(holding: Holding, who: EncoderIdentity): Publication {
    const encoder = this.#admit(who);
    this.#own(holding, encoder);
    return encoder;
  }

  /** Hold an encoder ready. */
  standBy(who: EncoderIdentity): Publication {
    const encoder = this.#admit(who);
    this.#succession?.tend();
    return encoder;
  }

  /** The stream is over: all encoders go. */
  end(reason: HoldfastError): void {
    this.#succession?.stop();
    const tenure = this.#tenure;
    this.#resign();
    this.#encoders.revoke(reason);
    tenure?.depose();
  }

  #admit(who: EncoderIdentity): Encoder {
    const { channel, clock, settings } = this.#options;
    const encoder = new Encoder({
      ...who,
      key: channel.key,
      source: channel.prepare("publisher"),
      clock,
      stall: settings.publish.stall,
      onEnd: (gone, how) => this.#gone(gone, how),
      onStart: (starting) => this.#succession?.started(starting),
    });
    this.#encoders.add(encoder);
    return encoder;
  }

  #own(holding: Holding, encoder: Encoder): void {
    const { channel, ownership, on } = this.#options;
    let tenure = this.#tenure;
    if (tenure?.holding !== holding) {
      const onLost = (lost: Tenure, reason: HoldfastError) => this.#lost(lost, reason);
      tenure = new Tenure({ holding, channel, ownership, onLost });
      on.owned();
    }
    const former = tenure.encoder;
    tenure.encoder = encoder;
    this.#tenure = tenure;
    if (former && !this.#succession) this.#dismiss(former, isPublishedAnew(channel.key));
    encoder.promote();
    this.#succession?.tend();
  }

  #gone(encoder: Encoder, how: PublicationEnd): void {
    const { channel, clock, log, ownership, on } = this.#options;
    this.#encoders.delete(encoder);
    const tenure = this.#tenure;
    const succession = this.#succession;
    if (tenure?.encoder !== encoder) {
      log.info({ publisher: encoder.publisher, how }, "standby gone");
      succession?.tend();
      return on.fewer();
    }
    log.info({ token: tenure.holding.token, how, players: channel.subscribers }, "encoder gone");
    tenure.encoder = undefined;
    if (succession?.replace(tenure)) return;
    if (how === "unpublished") {
      if (!succession) return this.#goodbye(tenure);
      // Marked stalled, it is free for those that stand by at other origins.
      succession.tend();
      return void clock.after(LAST_CALL_MS, () => this.#goodbye(tenure));
    }
    this.#resign();
    ownership.release(tenure.holding, how);
    tenure.depose();
    on.vacant("broken");
    succession?.tend();
  }

  /** The last encoder has ended the stream, and nobody goes on with it. */
  #goodbye(tenure: Tenure): void {
    if (this.#tenure !== tenure || tenure.encoder) return;
    this.#resign();
    this.#options.ownership.release(tenure.holding, "unpublished");
    // Relays get the orderly end, too, and are not sent away: that is how their origins tell it from a failure.
    this.#options.on.vacant("ended");
  }

  #lost(tenure: Tenure, reason: HoldfastError): void {
    if (this.#tenure !== tenure) return;
    const { encoder } = tenure;
    this.#resign();
    if (this.#succession) encoder?.demote();
    else if (encoder) this.#dismiss(encoder, reason);
    tenure.depose();
    this.#options.on.lost(reason);
    this.#succession?.tend();
  }

  #resign(): void {
    this.#tenure?.close();
    this.#tenure = undefined;
  }

  #dismiss(encoder: Encoder, reason: HoldfastError): void {
    this.#encoders.delete(encoder);
    encoder.revoke(reason);
  }
}
