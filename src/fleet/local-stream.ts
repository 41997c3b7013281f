import type { Logger } from "pino";
import { asHoldfastError, HoldfastError } from "../domain/errors.ts";
import type { Channel } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import type { EncoderIdentity } from "./encoder.ts";
import type { Publication } from "./gates.ts";
import { Hold } from "./hold.ts";
import type { Ownership } from "./ownership.ts";
import type { OwnerWatch } from "./owner-watch.ts";
import { Publishing } from "./publishing.ts";
import type { Relay, RelayEnd } from "./relay.ts";
import type { RelayKeeper } from "./relay-keeper.ts";
import type { FleetSettings } from "./settings.ts";
import { isOver } from "./stream-endings.ts";

export interface LocalStreamOptions {
  readonly self: string;
  readonly ownership: Ownership;
  readonly relays: RelayKeeper;
  readonly watch: OwnerWatch;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Pick<FleetSettings, "continuity" | "publish" | "relay">;
  /** Whether this origin drains. */
  readonly leaving: () => boolean;
}

type State =
  /** Nothing feeds it: only in the middle of a transition. */
  | { readonly is: "unfed" | "ended" }
  /** An encoder feeds it here. */
  | { readonly is: "published" }
  /** Pulled from its owner. */
  | { readonly is: "relayed"; readonly relay: Relay }
  /** Nobody feeds it; its players wait for the next owner. */
  | { readonly is: "held"; readonly hold: Hold }
  /** Encoders stand by for it, and nobody plays it here. */
  | { readonly is: "standby" };

/** A relay without players goes on for this long at least: a player that was just told to come has not come yet. */
const LEAST_IDLE_MS = 250;

/**
 * One stream inside this origin, and the only place that decides what feeds its channel.
 *
 * Every transition is one synchronous method; whatever was awaited elsewhere names the encoder, holding or relay that
 * it belongs to, and counts only while that is still the present one.
 */
export class LocalStream {
  readonly channel: Channel;
  /** Its encoders here. */
  readonly publishing: Publishing;
  readonly #options: LocalStreamOptions;
  readonly #log: Logger;
  readonly #ended = new AbortController();
  readonly #unlisten: () => void;
  #state: State = { is: "unfed" };
  #waiting = 0;
  #started = false;
  #cancelIdle: (() => void) | undefined;

  constructor(channel: Channel, options: LocalStreamOptions) {
    this.channel = channel;
    this.#options = options;
    this.#log = options.log.child({ stream: channel.key });
    this.#unlisten = channel.onSubscribers(() => this.#watchIdle());
    this.publishing = new Publishing({
      ...options,
      channel,
      log: this.#log,
      on: {
        owned: () => this.#owned(),
        lost: (reason) => this.#lost(reason),
        vacant: (how) => this.#vacant(how),
        fewer: () => this.#fewer(),
      },
    });
  }

  get key(): StreamKey {
    return this.channel.key;
  }

  get state(): State["is"] {
    return this.#state.is;
  }

  /** Fires once; the reason is a HoldfastError. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whether a player may subscribe now: there is something to start with, or will be again. */
  get attachable(): boolean {
    if (this.channel.ready) this.#started = true;
    return this.#started || this.#state.is === "held";
  }

  /** While this origin owns the stream: fires when it does not any more. */
  get deposed(): AbortSignal | undefined {
    return this.publishing.tenure?.deposed;
  }

  /** Name of the owner that is pulled from. */
  get relayedFrom(): string | undefined {
    return this.#state.is === "relayed" ? this.#state.relay.owner : undefined;
  }

  /** Why the last pull failed. */
  get problem(): HoldfastError | undefined {
    return this.#state.is === "relayed" ? this.#state.relay.problem : undefined;
  }

  /** Resolves when a player may subscribe; rejects with the reason of `signal`, or `STREAM_ENDED`. */
  async whenReady(signal: AbortSignal): Promise<void> {
    this.#waiting++;
    this.#watchIdle();
    try {
      await this.channel.whenReady(signal);
      this.#started = true;
    } finally {
      this.#waiting--;
      this.#watchIdle();
    }
  }

  /** Hold an encoder ready. */
  standBy(who: EncoderIdentity): Publication {
    if (this.#state.is === "unfed") this.#state = { is: "standby" };
    return this.publishing.standBy(who);
  }

  /** Pull it from its owner. */
  relay(location: StreamLocation | undefined, since?: number): void {
    const { relay, ended } = this.#options.relays.start(this.channel, location, since);
    this.#state = { is: "relayed", relay };
    ended.then(
      (end) => this.#relayEnded(relay, end),
      (error: unknown) => this.end(asHoldfastError(error, "INTERNAL")),
    );
    this.#watchIdle();
  }

  /** The stream is over for its players. */
  end(reason: HoldfastError): void {
    if (this.#state.is === "ended") return;
    this.#log.info(
      { state: this.#state.is, code: reason.code, players: this.channel.subscribers },
      "stream ended",
    );
    this.#leave();
    this.#state = { is: "ended" };
    this.publishing.end(reason);
    this.#unlisten();
    this.#cancelIdle?.();
    this.#ended.abort(reason);
    this.channel.end(reason);
  }

  #owned(): void {
    this.#leave();
    this.#state = { is: "published" };
    this.#watchIdle();
  }

  /** Another origin was given the stream: the players stay. */
  #lost(reason: HoldfastError): void {
    this.#state = { is: "unfed" };
    if (this.#busy()) this.relay(undefined, this.#options.clock.monotonic());
    else this.#rest(reason);
  }

  #vacant(how: "ended" | "broken"): void {
    this.#state = { is: "unfed" };
    if (how === "ended") return this.end(isOver(this.key, "its encoder has ended it"));
    this.#hold(this.#options.clock.monotonic());
  }

  #fewer(): void {
    if (this.#state.is === "standby" && !this.publishing.manned)
      this.end(isOver(this.key, "nobody publishes it"));
  }

  #relayEnded(relay: Relay, end: RelayEnd): void {
    if (this.#state.is !== "relayed" || this.#state.relay !== relay || end.how === "stopped") return;
    const goesOn = end.how === "unpublished" && this.publishing.manageable;
    if (goesOn) return this.#hold(this.#options.clock.monotonic());
    if (end.how === "unpublished") return this.end(isOver(this.key, "its encoder has ended it"));
    if (end.since === undefined)
      return this.#rest(new HoldfastError("STREAM_NOT_FOUND", { stream: this.key }));
    this.#hold(end.since);
  }

  /** Keep the players, if there are any, until `continuity.hold` after media stopped. */
  #hold(since: number): void {
    const { clock, watch, self, settings } = this.#options;
    const ms = since + settings.continuity.hold - clock.monotonic();
    if (this.channel.subscribers === 0) return this.#rest(isOver(this.key, "its encoder is gone"));
    if (ms <= 0) return this.end(isOver(this.key, "its encoder is gone"));
    this.#log.info({ players: this.channel.subscribers, ms }, "stream on hold");
    const hold = new Hold({
      key: this.key,
      ms,
      clock,
      watch,
      self,
      onOwner: (location) => this.relay(location, since),
      onOver: () => this.end(isOver(this.key, "its encoder did not come back")),
    });
    this.#state = { is: "held", hold };
  }

  /** Nobody plays it. It ends, unless encoders stand by. */
  #rest(reason: HoldfastError): void {
    if (!this.publishing.manned) return this.end(reason);
    this.#leave();
    this.#state = { is: "standby" };
    this.#cancelIdle?.();
    this.#cancelIdle = undefined;
  }

  /** Take away what feeds the channel from elsewhere, or the wait for it. */
  #leave(): void {
    const state = this.#state;
    this.#state = { is: "unfed" };
    if (state.is === "relayed") state.relay.stop();
    if (state.is === "held") state.hold.cancel();
  }

  #busy(): boolean {
    return this.channel.subscribers > 0 || this.#waiting > 0;
  }

  /** Nobody plays it: a hold ends at once, a relay after `relay.idleStop`. */
  #watchIdle(): void {
    if (this.#busy() || this.#state.is === "published") {
      this.#cancelIdle?.();
      this.#cancelIdle = undefined;
      return;
    }
    if (this.#state.is === "held") return this.#rest(isOver(this.key, "nobody plays it any more"));
    if (this.#state.is !== "relayed") return;
    const ms = Math.max(LEAST_IDLE_MS, this.#options.settings.relay.idleStop);
    this.#cancelIdle ??= this.#options.clock.after(ms, () =>
      this.#rest(isOver(this.key, "nobody plays it any more")),
    );
  }
}
