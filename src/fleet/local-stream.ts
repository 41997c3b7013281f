import type { Logger } from "pino";
import { asHoldfastError, HoldfastError } from "../domain/errors.ts";
import type { Channel } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import type { Publication, PublicationEnd } from "./gates.ts";
import { Hold } from "./hold.ts";
import type { Holding } from "./holding.ts";
import { LivePublication } from "./live-publication.ts";
import type { Ownership } from "./ownership.ts";
import type { OwnerWatch } from "./owner-watch.ts";
import { broadcast } from "./patience.ts";
import type { Relay, RelayEnd } from "./relay.ts";
import type { RelayKeeper } from "./relay-keeper.ts";
import type { FleetSettings } from "./settings.ts";
import { isNotOurs, isOver, isPublishedAnew } from "./stream-endings.ts";

export interface LocalStreamOptions {
  readonly self: string;
  readonly ownership: Ownership;
  readonly relays: RelayKeeper;
  readonly watch: OwnerWatch;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Pick<FleetSettings, "continuity" | "relay">;
}

type State =
  /** Nothing feeds it: only in the middle of a transition. */
  | { readonly is: "unfed" | "ended" }
  /** An encoder feeds it here. `deposed` fires when this origin stops being the owner: its relays must go. */
  | {
      readonly is: "published";
      readonly holding: Holding;
      readonly publication: LivePublication;
      readonly deposed: AbortController;
      /** Stop listening to holding and channel. */
      readonly unhook: () => void;
    }
  /** Pulled from its owner. */
  | { readonly is: "relayed"; readonly relay: Relay }
  /** Nobody feeds it; its players wait for the next owner. */
  | { readonly is: "held"; readonly hold: Hold };

/** A relay without players goes on for this long at least: a player that was just told to come has not come yet. */
const LEAST_IDLE_MS = 250;

/**
 * One stream inside this origin, and the only place that decides what feeds its channel.
 *
 * Every transition is one synchronous method; whatever was awaited elsewhere names the publication, holding or relay
 * that it belongs to, and counts only while that is still the present one.
 */
export class LocalStream {
  readonly channel: Channel;
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
    return this.#state.is === "published" ? this.#state.deposed.signal : undefined;
  }

  /** Name of the owner that is pulled from. */
  get relayedFrom(): string | undefined {
    return this.#state.is === "relayed" ? this.#state.relay.owner : undefined;
  }

  /** Why the last pull failed. */
  get problem(): HoldfastError | undefined {
    return this.#state.is === "relayed" ? this.#state.relay.problem : undefined;
  }

  isFedBy(holding: Holding): boolean {
    return this.#state.is === "published" && this.#state.holding === holding;
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

  /** An encoder's claim was granted: it feeds the channel from now on, whatever did so before. */
  publish(holding: Holding): Publication {
    const before = this.#state;
    const stays = before.is === "published" && before.holding === holding;
    this.#leave(isPublishedAnew(this.key), stays);
    const publication: LivePublication = new LivePublication(
      this.key,
      this.channel.attach("publisher"),
      (how) => this.#encoderGone(publication, how),
    );
    const onLost = () => this.#lost(publication, holding.lost.reason as HoldfastError);
    const onCodecs = this.channel.onCodecs((codecs) => this.#options.ownership.describe(holding, codecs));
    holding.lost.addEventListener("abort", onLost, { once: true });
    const unhook = () => {
      onCodecs();
      holding.lost.removeEventListener("abort", onLost);
    };
    const deposed = stays ? before.deposed : broadcast();
    this.#state = { is: "published", holding, publication, deposed, unhook };
    return publication;
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
    this.#leave(reason, false);
    this.#state = { is: "ended" };
    this.#unlisten();
    this.#cancelIdle?.();
    this.#ended.abort(reason);
    this.channel.end(reason);
  }

  /** The encoder left, or was found gone. */
  #encoderGone(publication: LivePublication, how: PublicationEnd): void {
    const state = this.#state;
    if (state.is !== "published" || state.publication !== publication) return;
    state.unhook();
    this.#state = { is: "unfed" };
    this.#log.info({ token: state.holding.token, how, players: this.channel.subscribers }, "encoder gone");
    this.#options.ownership.release(state.holding, how);
    // Relays get the orderly end, too, and are not reset: that is how their origins tell it from a failure.
    if (how === "unpublished") return this.end(isOver(this.key, "its encoder has ended it"));
    state.deposed.abort(isNotOurs(this.key));
    this.#hold(this.#options.clock.monotonic());
  }

  /** Another origin was given the stream: the encoder goes, the players stay. */
  #lost(publication: LivePublication, reason: HoldfastError): void {
    const state = this.#state;
    if (state.is !== "published" || state.publication !== publication) return;
    this.#leave(reason, false);
    if (!this.#busy()) return this.end(reason);
    this.relay(undefined, this.#options.clock.monotonic());
  }

  #relayEnded(relay: Relay, end: RelayEnd): void {
    if (this.#state.is !== "relayed" || this.#state.relay !== relay || end.how === "stopped") return;
    if (end.how === "unpublished") return this.end(isOver(this.key, "its encoder has ended it"));
    if (end.since === undefined) return this.end(new HoldfastError("STREAM_NOT_FOUND", { stream: this.key }));
    this.#hold(end.since);
  }

  /** Keep the players, if there are any, until `continuity.hold` after media stopped. */
  #hold(since: number): void {
    const { clock, watch, self, settings } = this.#options;
    const ms = since + settings.continuity.hold - clock.monotonic();
    if (ms <= 0 || this.channel.subscribers === 0) return this.end(isOver(this.key, "its encoder is gone"));
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

  /** Take away what feeds the channel. `owns`: this origin stays the owner, and its relays stay. */
  #leave(reason: HoldfastError, owns: boolean): void {
    const state = this.#state;
    if (state.is === "relayed") state.relay.stop();
    if (state.is === "held") state.hold.cancel();
    if (state.is !== "published") return;
    state.unhook();
    state.publication.revoke(reason);
    if (!owns) state.deposed.abort(isNotOurs(this.key));
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
    if (this.#state.is === "held") return this.end(isOver(this.key, "nobody plays it any more"));
    if (this.#state.is !== "relayed") return;
    const ms = Math.max(LEAST_IDLE_MS, this.#options.settings.relay.idleStop);
    this.#cancelIdle ??= this.#options.clock.after(ms, () =>
      this.end(isOver(this.key, "nobody plays it any more")),
    );
  }
}
