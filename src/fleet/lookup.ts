import type { Clock } from "../domain/ports/clock.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation, Whereabouts } from "../domain/stream-record.ts";
import type { Locator } from "./locator.ts";

/** A question about one key, and all who wait for its answer. */
interface Flight {
  readonly key: StreamKey;
  readonly answer: Promise<Whereabouts>;
  readonly resolve: (found: Whereabouts) => void;
  readonly reject: (reason: unknown) => void;
  /** Set when it is sent: who asked with a lower number asked before. */
  number: number;
}

interface Known {
  readonly found: Whereabouts;
  readonly at: number;
}

/** A found owner is believed this long. */
const FRESH_MS = 250;
/** Above this many entries the old ones are swept. */
const SWEEP_ABOVE = 1_000;
const NOTHING: Whereabouts = { location: undefined, ingest: undefined };
/** So many questions are under way at once; what is asked meanwhile goes along with the next one. */
const QUESTIONS_AT_ONCE = 4;

/**
 * Who owns this stream? One round trip, shared by all who ask meanwhile; a storm of plays of many streams is gathered
 * into few questions, each about all keys that came since the one before.
 *
 * "Nobody" is never remembered, and counts only for those who asked before the question was sent: a play that
 * follows its publish must not be told what was true before it.
 */
export class Lookup {
  readonly #registry: Pick<Locator, "lookUp">;
  readonly #clock: Clock;
  readonly #known = new Map<StreamKey, Known>();
  readonly #flights = new Map<StreamKey, Flight>();
  #waiting: Flight[] = [];
  #asking = 0;
  #number = 0;

  constructor(options: { registry: Pick<Locator, "lookUp">; clock: Clock }) {
    this.#registry = options.registry;
    this.#clock = options.clock;
  }

  /** The owner alone. @throws HoldfastError `REGISTRY_UNAVAILABLE`, `REGISTRY_REFUSED` */
  async find(key: StreamKey): Promise<StreamLocation | undefined> {
    return (await this.whereabouts(key)).location;
  }

  /** The owner or, while there is none, whether an ingest should bring one. Rejects as `find` does. */
  async whereabouts(key: StreamKey): Promise<Whereabouts> {
    const asked = ++this.#number;
    for (;;) {
      const known = this.#fresh(key);
      if (known) return known;
      const flight = this.#flights.get(key) ?? this.#question(key);
      const found = await flight.answer;
      if (found.location || flight.number > asked) return found;
    }
  }

  /** The owner that is remembered, without asking. */
  peek(key: StreamKey): StreamLocation | undefined {
    return this.#fresh(key)?.location;
  }

  /** What was found has turned out wrong: ask again next time. */
  forget(key: StreamKey): void {
    this.#known.delete(key);
    // An answer on its way may be as old.
    this.#flights.delete(key);
  }

  #fresh(key: StreamKey): Whereabouts | undefined {
    const known = this.#known.get(key);
    return known && this.#clock.monotonic() - known.at < FRESH_MS ? known.found : undefined;
  }

  #question(key: StreamKey): Flight {
    let resolve: Flight["resolve"] = () => {};
    let reject: Flight["reject"] = () => {};
    const answer = new Promise<Whereabouts>((...settle) => ([resolve, reject] = settle));
    const flight: Flight = { key, answer, resolve, reject, number: 0 };
    this.#flights.set(key, flight);
    this.#waiting.push(flight);
    if (this.#asking < QUESTIONS_AT_ONCE) void this.#ask();
    return flight;
  }

  async #ask(): Promise<void> {
    this.#asking++;
    while (this.#waiting.length > 0) {
      const flights = this.#waiting;
      this.#waiting = [];
      const at = this.#clock.monotonic();
      const number = ++this.#number;
      for (const flight of flights) flight.number = number;
      try {
        const found = await this.#registry.lookUp(flights.map(({ key }) => key));
        flights.forEach((flight, index) => this.#land(flight, found[index] ?? NOTHING, at));
      } catch (error) {
        for (const flight of flights) {
          this.#leave(flight);
          flight.reject(error);
        }
      }
    }
    this.#asking--;
  }

  #land(flight: Flight, found: Whereabouts, at: number): void {
    if (this.#leave(flight) && found.location) this.#remember(flight.key, { found, at });
    flight.resolve(found);
  }

  /** Whether it still counted. */
  #leave(flight: Flight): boolean {
    return this.#flights.get(flight.key) === flight && this.#flights.delete(flight.key);
  }

  #remember(key: StreamKey, known: Known): void {
    if (this.#known.size >= SWEEP_ABOVE) {
      const now = this.#clock.monotonic();
      for (const [old, { at }] of this.#known) if (now - at >= FRESH_MS) this.#known.delete(old);
    }
    this.#known.set(key, known);
  }
}
