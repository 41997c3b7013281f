import type { Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";
import type { SessionRef } from "../domain/origin-record.ts";
import type { Clock } from "../domain/ports/clock.ts";
import type { Registry, StreamDescription } from "../domain/ports/registry.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { OwnedStream } from "../domain/stream-record.ts";
import { Claims, type ClaimAnswer, type ClaimWish } from "./claims.ts";
import { Holding } from "./holding.ts";
import { KeyQueue } from "./key-queue.ts";
import { Releases } from "./releases.ts";
import type { Session, SessionDuties } from "./session.ts";
import type { FleetSettings } from "./settings.ts";
import { Upkeep } from "./upkeep.ts";

export interface OwnershipOptions {
  readonly registry: Registry;
  readonly session: Session;
  readonly clock: Clock;
  readonly log: Logger;
  readonly publish: FleetSettings["publish"];
}

export type ClaimOutcome =
  | { readonly outcome: "granted"; readonly holding: Holding; readonly previous: string }
  | Exclude<ClaimAnswer, { outcome: "granted" }>;

/**
 * The streams that this origin owns, as far as it knows.
 *
 * Whoever claims, reclaims or checks a key does so in turn, so that grants arrive in the order of their tokens.
 */
export class Ownership implements SessionDuties {
  readonly #options: OwnershipOptions;
  readonly #claims: Claims;
  readonly #upkeep: Upkeep;
  readonly #releases: Releases;
  readonly #held = new Map<StreamKey, Holding>();
  readonly #turns = new KeyQueue<StreamKey>();
  /** Losses acted on, until the registry has been told. */
  readonly #acknowledge = new Map<string, OwnedStream>();

  constructor(options: OwnershipOptions) {
    this.#options = options;
    const { registry, log, session } = options;
    this.#claims = new Claims(options);
    this.#releases = new Releases({ registry, log, ref: () => session.ref });
    this.#upkeep = new Upkeep({
      ...options,
      ownership: this,
      claims: this.#claims,
      releases: this.#releases,
    });
  }

  start(): void {
    this.#upkeep.start();
  }

  /** Stop all upkeep, and delete the records of the session that has just ended. */
  async stop(ended: SessionRef | undefined, reason: string): Promise<void> {
    this.#upkeep.stop();
    const streams = [...this.#held.values()].map(({ key, token }) => ({ key, token }));
    this.#held.clear();
    if (ended && streams.length > 0) await this.#options.registry.releaseStreams(ended, streams, reason);
  }

  /** What is owned here under which token. */
  all(): readonly Holding[] {
    return [...this.#held.values()];
  }

  get(key: StreamKey): Holding | undefined {
    return this.#held.get(key);
  }

  /** Run `task` when nothing else is under way for this key. */
  inTurn<T>(key: StreamKey, task: () => Promise<T>): Promise<T> {
    return this.#turns.run(key, task);
  }

  /** Resolves when the claims of this key that are under way now are decided. */
  settled(key: StreamKey): Promise<void> {
    return this.#turns.idle(key);
  }

  /**
   * Claim a stream. Only `inTurn`.
   *
   * When this origin owns the key already, the grant goes to that holding: its token grows.
   *
   * @throws HoldfastError `REGISTRY_UNAVAILABLE`, `REGISTRY_REFUSED`; should the claim have been applied all the
   * same, its record is found and released after the next renewal
   */
  async claim(key: StreamKey, wish: ClaimWish): Promise<ClaimOutcome> {
    const { ref } = this.#options.session;
    const former = this.#held.get(key)?.token ?? 0;
    const answer = await this.#claims.ask(ref, key, wish, former).catch((error: unknown) => {
      this.doubt(key);
      throw error;
    });
    if (answer.outcome !== "granted" || !ref) return answer as Exclude<ClaimAnswer, { outcome: "granted" }>;
    const grant = {
      token: answer.token,
      epoch: ref.epoch,
      publisher: wish.publisher,
      codecs: wish.codecs,
      rank: wish.rank ?? 0,
      ingest: wish.ingest ?? 0,
      stalled: false,
      described: true,
    };
    const holding = this.#held.get(key) ?? new Holding(key);
    Object.assign(holding, grant);
    this.#held.set(key, holding);
    return { outcome: "granted", holding, previous: answer.previous };
  }

  /** Give a stream up at once; while the registry is away, as soon as it is back. */
  release(holding: Holding, reason: string): void {
    if (this.#held.get(holding.key) !== holding) return;
    this.#held.delete(holding.key);
    this.#releases.add(holding.key, { token: holding.token, epoch: holding.epoch, reason });
  }

  /** Resolves when what was released has been told to the registry, or cannot be now. */
  released(): Promise<void> {
    return this.#releases.flush();
  }

  /** Write down what the stream consists of, and whether it flows. */
  describe(holding: Holding, change: Partial<StreamDescription>): void {
    const { codecs = holding.codecs, stalled = holding.stalled } = change;
    if (holding.codecs === codecs && holding.stalled === stalled) return;
    Object.assign(holding, { codecs, stalled });
    holding.described = false;
    this.#upkeep.describe(holding);
  }

  /** The registry may have a record in our name that nobody here stands behind: have a look soon, and mend it. */
  doubt(key: StreamKey): void {
    this.#upkeep.doubt(key);
  }

  count(): number {
    return this.#held.size;
  }

  acknowledgements(): readonly OwnedStream[] {
    return [...this.#acknowledge.values()];
  }

  renewed(lost: readonly OwnedStream[], acknowledged: readonly OwnedStream[]): void {
    for (const stream of acknowledged) this.#acknowledge.delete(nameOf(stream));
    for (const stream of lost) this.hear(stream);
    void this.#upkeep.tend();
  }

  registered(): void {
    // The losses of the session before died with it.
    this.#acknowledge.clear();
    void this.#upkeep.tend();
  }

  /** A notice, or a loss that the heartbeat told of. It counts only when its token is greater than our own. */
  hear(stream: OwnedStream): void {
    this.#options.session.saw(stream.token);
    this.#acknowledge.set(nameOf(stream), stream);
    this.#claims.hear(stream);
    const holding = this.#held.get(stream.key);
    if (holding && stream.token > holding.token) this.lose(holding, stream.token);
  }

  /** @param by the new owner's name, when it is known */
  lose(holding: Holding, token: number, by = ""): void {
    const { key } = holding;
    if (this.#held.get(key) !== holding) return;
    this.#held.delete(key);
    this.#options.log.warn({ stream: key, token: holding.token, newToken: token, by }, "stream lost");
    const detail = `another publisher took ${key} over${by === "" ? "" : ` through origin ${by}`}`;
    holding.lose(new HoldfastError("STREAM_TAKEN_OVER", { detail, stream: key, token, owner: by }));
  }
}

function nameOf({ key, token }: OwnedStream): string {
  return `${token} ${key}`;
}
