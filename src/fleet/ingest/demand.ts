import type { Logger } from "pino";
import type { Clock } from "../../domain/ports/clock.ts";
import type { IngestRegistry } from "../../domain/ports/ingest-registry.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import type { ExpectedIngest } from "../../domain/stream-record.ts";
import type { IngestListener } from "../locator.ts";

export interface DemandOptions {
  readonly ingests: () => Pick<IngestRegistry, "demand">;
  readonly clock: Clock;
  readonly log: Logger;
  /** `ingest.idleStop`, ms: how long a demand counts. */
  readonly idleStop: number;
  /** Streams of other origins, or of nobody, that somebody plays here. */
  readonly played: () => Iterable<StreamKey>;
}

const EVERY_MS = 1_000;
/** Between two commands that tell of new demands: what comes meanwhile goes along. */
const GATHER_MS = 100;
/** A demand outlives the pause until it is renewed, and one renewal that fails. */
const LEAST_MS = 3_000;

/**
 * Tells the registry which ingests on demand somebody plays here: the first time at once, then once a second in one
 * command, for as long as there are players. Their owner stops when nobody renews its demand.
 *
 * Whether an ingest is on demand is known from every lookup of its stream, and those of relays and of streams on hold
 * are repeated all the time.
 */
export class Demand implements IngestListener {
  readonly #options: DemandOptions;
  /** Ingests on demand among the streams that were looked up. */
  readonly #onDemand = new Set<StreamKey>();
  /** Plays that wait for a stream, by key. */
  readonly #waiting = new Map<StreamKey, number>();
  /** To be told of at once. */
  readonly #fresh = new Set<StreamKey>();
  /** What the last commands told of. */
  #told = new Set<StreamKey>();
  #sentAt = -Infinity;
  #cancelTick = () => {};
  #cancelFresh: (() => void) | undefined;

  constructor(options: DemandOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancelTick = this.#options.clock.after(EVERY_MS, () => this.#tick());
  }

  stop(): void {
    this.#cancelTick();
    this.#cancelFresh?.();
    this.#cancelFresh = () => {};
  }

  hear(key: StreamKey, ingest: ExpectedIngest | undefined): void {
    if (ingest?.onDemand) this.#onDemand.add(key);
    else this.#onDemand.delete(key);
  }

  /** A play waits for this stream. The returned function says that it does not any more. */
  wait(key: StreamKey): () => void {
    this.#waiting.set(key, (this.#waiting.get(key) ?? 0) + 1);
    if (this.#onDemand.has(key) && !this.#told.has(key)) this.#hurry(key);
    return () => {
      const left = (this.#waiting.get(key) ?? 0) - 1;
      if (left > 0) this.#waiting.set(key, left);
      else this.#waiting.delete(key);
    };
  }

  #hurry(key: StreamKey): void {
    this.#fresh.add(key);
    const { clock } = this.#options;
    const pause = Math.max(0, this.#sentAt + GATHER_MS - clock.monotonic());
    this.#cancelFresh ??= clock.after(pause, () => {
      this.#cancelFresh = undefined;
      for (const fresh of this.#fresh) this.#told.add(fresh);
      this.#send([...this.#fresh]);
    });
  }

  #tick(): void {
    const wanted = new Set([...this.#waiting.keys(), ...this.#options.played()]);
    // What nobody plays here is heard of again when somebody does.
    for (const key of this.#onDemand) if (!wanted.has(key)) this.#onDemand.delete(key);
    this.#told = new Set([...wanted].filter((key) => this.#onDemand.has(key)));
    this.#send([...this.#told]);
    this.start();
  }

  #send(streams: readonly StreamKey[]): void {
    this.#fresh.clear();
    if (streams.length === 0) return;
    const { ingests, clock, log, idleStop } = this.#options;
    this.#sentAt = clock.monotonic();
    const sent = ingests().demand(streams, Math.max(LEAST_MS, idleStop));
    sent.catch((error: unknown) => {
      log.debug({ err: error, ingests: streams.length }, "demand not told");
    });
  }
}
