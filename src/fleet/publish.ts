import type { Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Channels } from "../domain/ports/channel.ts";
import { rankOf } from "../domain/rank.ts";
import type { Lookup } from "./lookup.ts";
import { authorisePublish, throwIfLeft, type Authorise } from "./authorise.ts";
import { noSession } from "./claims.ts";
import type { EncoderIdentity } from "./encoder.ts";
import type { Publication, PublishGate, PublishRequest } from "./gates.ts";
import type { LocalStreams } from "./local-streams.ts";
import type { ClaimOutcome, Ownership } from "./ownership.ts";
import { broadcast, patience, sleep } from "./patience.ts";
import { refusalOf } from "./publish-refusal.ts";
import type { Session } from "./session.ts";
import type { FleetSettings } from "./settings.ts";

export interface PublishOptions {
  readonly authorise: Authorise;
  readonly session: Session;
  readonly ownership: Ownership;
  readonly streams: LocalStreams;
  readonly channels: Channels;
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: Pick<FleetSettings, "publish">;
}

/** How long a publish waits for the session to come back. Encoders wait 4 s for their answer without harm. */
const SESSION_PATIENCE_MS = 2_000;

/** From the end of an encoder until its name is free everywhere. */
const RELEASE_MS = 50;

/**
 * authorise -> claim -> the encoder feeds the channel.
 *
 * While the registry is away nobody can say whether the name is free: a new publish is refused with
 * `REGISTRY_UNAVAILABLE` after the claim has timed out, or after 2 s without a session. Encoders that are live
 * already are not concerned: they go on, and are registered again when the registry is back.
 */
export class FleetPublishGate implements PublishGate {
  readonly #options: PublishOptions;
  readonly #stopping = broadcast();

  constructor(options: PublishOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopping.abort(new HoldfastError("STOPPING"));
  }

  async publish(request: PublishRequest): Promise<Publication> {
    const { authorise, ownership } = this.#options;
    this.#stopping.signal.throwIfAborted();
    await authorisePublish(authorise, request);
    // Twice: the first claim may be the one that finds out that the session is gone, or that a name is not free yet.
    for (let tries = 0; tries < 2; tries++) {
      await this.#session(request);
      try {
        const publication = await ownership.inTurn(request.key, () => this.#claim(request));
        if (publication) return publication;
      } catch (error) {
        if (tries > 0 || !isTaken(error)) throw error;
        await this.#readTheLast(request, error);
      }
    }
    throw new HoldfastError("SESSION_LOST", { detail: "this origin is registering anew; try again" });
  }

  /**
   * The encoder that has the name may have ended just now: its end waits to be read like all that it sends. Who comes back
   * at once must not be refused for it.
   */
  async #readTheLast({ left }: PublishRequest, refusal: unknown): Promise<void> {
    const { clock, settings } = this.#options;
    const { maxWindow } = settings.publish;
    if (maxWindow === 0) throw refusal;
    await sleep(clock, maxWindow + RELEASE_MS, left);
    throwIfLeft(left);
    this.#stopping.signal.throwIfAborted();
  }

  async #session({ left }: PublishRequest): Promise<void> {
    const { session, clock } = this.#options;
    const wait = patience(clock, SESSION_PATIENCE_MS, noSession, left, this.#stopping.signal);
    try {
      await session.whenLive(wait.signal);
    } finally {
      wait.done();
      throwIfLeft(left);
    }
  }

  /** `undefined`: the session was lost; nothing is claimed. */
  async #claim(request: PublishRequest): Promise<Publication | undefined> {
    const { ownership, channels, streams, settings, log } = this.#options;
    const { key, left } = request;
    // It may have been a while until it was our turn.
    throwIfLeft(left);
    this.#stopping.signal.throwIfAborted();
    const policy = settings.publish.onDuplicate;
    const who = this.#identify(request);
    // Which of its own encoders feeds a stream is for this origin alone to decide.
    if (policy === "standby" && streams.get(key)?.publishing.manned) return this.#standBy(request, who);
    const codecs = channels.get(key)?.codecs ?? "";
    const outcome = await ownership.claim(key, { ...who, policy, codecs });
    if (outcome.outcome === "session-lost") return undefined;
    if (outcome.outcome === "held" && policy === "standby") return this.#standBy(request, who);
    if (outcome.outcome !== "granted") throw await this.#refuse(request, outcome);
    // A loss may have been heard in between, and nothing would tell of it again.
    if (outcome.holding.lost.aborted) throw outcome.holding.lost.reason;
    this.#options.lookup.forget(key);
    if (left.aborted || this.#stopping.signal.aborted) this.#giveBack(outcome);
    throwIfLeft(left);
    this.#stopping.signal.throwIfAborted();
    const { holding, previous } = outcome;
    const client = request.client.id;
    log.info({ stream: key, token: holding.token, client, previous }, "stream claimed");
    return streams.publish(holding, who);
  }

  #identify({ client, query }: PublishRequest): EncoderIdentity {
    const { session, settings } = this.#options;
    const { onDuplicate, prefer } = settings.publish;
    const rank = onDuplicate === "standby" ? rankOf(session.now(), prefer, query) : 0;
    return { publisher: client.address, rank };
  }

  /** The stream is live: the encoder is accepted, and held ready. */
  #standBy({ key, client, left }: PublishRequest, who: EncoderIdentity): Publication {
    throwIfLeft(left);
    this.#stopping.signal.throwIfAborted();
    const publication = this.#options.streams.standBy(key, who);
    this.#options.log.info({ stream: key, client: client.id }, "encoder stands by");
    return publication;
  }

  /** Nobody is there any more to feed what was granted, unless an encoder was here before and still is. */
  #giveBack({ holding }: Extract<ClaimOutcome, { outcome: "granted" }>): void {
    const { ownership, streams } = this.#options;
    if (!streams.get(holding.key)?.publishing.isFedBy(holding))
      ownership.release(holding, "encoder left while claiming");
  }

  async #refuse(request: PublishRequest, outcome: ClaimOutcome): Promise<HoldfastError> {
    const { lookup, session } = this.#options;
    // Only to say since when; the refusal stands without it.
    const location = await lookup.find(request.key).catch(() => undefined);
    return refusalOf(request.key, outcome, location, session.now());
  }
}

function isTaken(error: unknown): boolean {
  return (
    error instanceof HoldfastError &&
    (error.code === "STREAM_NAME_TAKEN" || error.code === "TAKEOVER_TOO_SOON")
  );
}
