import type { Logger } from "pino";
import { asHoldfastError, HoldfastError } from "../domain/errors.ts";
import type { Channel } from "../domain/ports/channel.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import type { EncoderIdentity } from "./encoder.ts";
import type { Publication } from "./gates.ts";
import { Hold } from "./hold.ts";
import type { IngestFeed } from "./ingest-feed.ts";
import { Ingesting } from "./ingesting.ts";
import { Later } from "./later.ts";
import type { LocalStreamOptions, LocalStreamState } from "./local-stream-options.ts";
import { Publishing } from "./publishing.ts";
import type { Relay, RelayEnd } from "./relay.ts";
import { isOver } from "./stream-endings.ts";

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
  readonly #ingesting: Ingesting;
  readonly #options: LocalStreamOptions;
  readonly #log: Logger;
  readonly #ended = new AbortController();
  readonly #unlisten: () => void;
  readonly #idle: Later;
  #state: LocalStreamState = { is: "unfed" };
  #waiting = 0;
  #started = false;
  #patient = false;

  constructor(channel: Channel, options: LocalStreamOptions) {
    this.channel = channel;
    this.#options = options;
    this.#log = options.log.child({ stream: channel.key });
    this.#idle = new Later(options.clock);
    this.#unlisten = channel.onSubscribers(() => this.#watchIdle());
    const on = {
      lost: (reason: HoldfastError) => this.#lost(reason),
      vacant: (how: "ended" | "broken") => this.#vacant(how),
      fewer: () => this.#fewer(),
    };
    const parts = { ...options, channel, log: this.#log };
    this.publishing = new Publishing({ ...parts, on: { ...on, owned: () => this.#owned("published") } });
    this.#ingesting = new Ingesting({ ...parts, on: { ...on, owned: () => this.#owned("ingested") } });
  }

  get key(): StreamKey {
    return this.channel.key;
  }

  get state(): LocalStreamState["is"] {
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

  /** Whether a player may be told to start although nothing comes: its encoder is here, or an ingest should bring it. */
  get patient(): boolean {
    return this.#patient || this.#state.is === "published" || this.#state.is === "ingested";
  }

  /** While this origin owns the stream: fires when it does not any more. */
  get deposed(): AbortSignal | undefined {
    return (this.publishing.tenure ?? this.#ingesting.tenure)?.deposed;
  }

  /** Whether somebody plays it here, and another origin should feed it. */
  get borrowed(): boolean {
    return this.#busy() && (this.#state.is === "relayed" || this.#state.is === "held");
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

  /** A place for an ingest of this origin. It stands by until its stream is granted. */
  prepareIngest(): IngestFeed {
    if (this.#state.is === "unfed") this.#state = { is: "standby" };
    return this.#ingesting.prepare();
  }

  /** Begin on hold: an ingest should bring it. @param since when the first of its players came, monotonic ms */
  expect(since: number): void {
    this.#patient = true;
    this.#hold(since, true);
    this.#idle.arm(LEAST_IDLE_MS, () => this.#watchIdle());
  }

  /** Pull it from its owner. @param since when media stopped, or its players came who wait for an ingest */
  relay(location: StreamLocation | undefined, since?: number): void {
    if (location?.record.kind === "ingest") this.#patient = true;
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
    this.#ingesting.end();
    this.#unlisten();
    this.#idle.cancel();
    this.#ended.abort(reason);
    this.channel.end(reason);
  }

  #owned(is: "published" | "ingested"): void {
    this.#leave();
    if (is === "published") this.#ingesting.yield();
    this.#state = { is };
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
    if (this.#state.is === "standby" && !this.#manned()) this.end(isOver(this.key, "nobody publishes it"));
  }

  #relayEnded(relay: Relay, end: RelayEnd): void {
    if (this.#state.is !== "relayed" || this.#state.relay !== relay || end.how === "stopped") return;
    const goesOn = end.how === "unpublished" && (this.publishing.manageable || this.#ingesting.prepared);
    if (goesOn) return this.#hold(this.#options.clock.monotonic());
    if (end.how === "unpublished") return this.end(isOver(this.key, "its encoder has ended it"));
    if (end.since === undefined)
      return this.#rest(new HoldfastError("STREAM_NOT_FOUND", { stream: this.key }));
    this.#hold(end.since);
  }

  /** Keep the players, if there are any, until `continuity.hold` after media stopped. */
  #hold(since: number, kept = this.#patient ? this.#busy() : this.channel.subscribers > 0): void {
    const { clock, watch, self, settings } = this.#options;
    const ms = since + settings.continuity.hold - clock.monotonic();
    if (!kept) return this.#rest(isOver(this.key, "its source is gone"));
    if (ms <= 0) return this.end(isOver(this.key, "its source is gone"));
    this.#log.info({ players: this.channel.subscribers, ms }, "stream on hold");
    const hold = new Hold({
      key: this.key,
      ms,
      clock,
      watch,
      self,
      onOwner: (location) => this.relay(location, since),
      onOver: () => this.end(isOver(this.key, "its source did not come back")),
    });
    this.#state = { is: "held", hold };
  }

  #manned(): boolean {
    return this.publishing.manned || this.#ingesting.prepared;
  }

  /** Nobody plays it. It ends, unless sources stand by. */
  #rest(reason: HoldfastError): void {
    if (!this.#manned()) return this.end(reason);
    this.#leave();
    this.#state = { is: "standby" };
    this.#idle.cancel();
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
    const { is } = this.#state;
    if (this.#busy() || is === "published" || is === "ingested") return this.#idle.cancel();
    const rest = () => this.#rest(isOver(this.key, "nobody plays it any more"));
    if (is === "held") return rest();
    const ms = Math.max(LEAST_IDLE_MS, this.#options.settings.relay.idleStop);
    if (is === "relayed") this.#idle.arm(ms, rest);
  }
}
