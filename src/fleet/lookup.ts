import type { Clock } from "../domain/ports/clock.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation } from "../domain/stream-record.ts";
import type { Locator } from "./locator.ts";

interface Flight {
  readonly number: number;
  readonly answer: Promise<StreamLocation | undefined>;
}

interface Known {
  readonly location: StreamLocation;
  readonly at: number;
}

/** A found owner is believed this long. */
const FRESH_MS = 250;
/** Above this many entries the old ones are swept. */
const SWEEP_ABOVE = 1_000;

/**
 * Who owns this stream? One round trip, shared by all who ask meanwhile.
 *
 * "Nobody" is never remembered, and counts only for those who asked before the question was sent: a play that
 * follows its publish must not be told what was true before it.
 */
export class Lookup {
  readonly #registry: Locator;
  readonly #clock: Clock;
  readonly #known = new Map<StreamKey, Known>();
  readonly #flights = new Map<StreamKey, Flight>();
  #number = 0;

  constructor(options: { registry: Locator; clock: Clock }) {
    this.#registry = options.registry;
    this.#clock = options.clock;
  }

  /** @throws HoldfastError `REGISTRY_UNAVAILABLE`, `REGISTRY_REFUSED` */
  async find(key: StreamKey): Promise<StreamLocation | undefined> {
    const asked = ++this.#number;
    for (;;) {
      const known = this.peek(key);
      if (known) return known;
      const flight = this.#flights.get(key) ?? this.#send(key);
      const location = await flight.answer;
      if (location || flight.number > asked) return location;
    }
  }

  /** What is remembered, without asking. */
  peek(key: StreamKey): StreamLocation | undefined {
    const known = this.#known.get(key);
    return known && this.#clock.monotonic() - known.at < FRESH_MS ? known.location : undefined;
  }

  /** What was found has turned out wrong: ask again next time. */
  forget(key: StreamKey): void {
    this.#known.delete(key);
    // An answer on its way may be as old.
    this.#flights.delete(key);
  }

  #send(key: StreamKey): Flight {
    const at = this.#clock.monotonic();
    const flight: Flight = { number: ++this.#number, answer: this.#ask(key) };
    this.#flights.set(key, flight);
    const landed = (location: StreamLocation | undefined) => {
      if (this.#flights.get(key) !== flight) return;
      this.#flights.delete(key);
      if (location) this.#remember(key, { location, at });
    };
    flight.answer.then(landed, () => landed(undefined));
    return flight;
  }

  async #ask(key: StreamKey): Promise<StreamLocation | undefined> {
    const [location] = await this.#registry.locate([key]);
    return location;
  }

  #remember(key: StreamKey, known: Known): void {
    if (this.#known.size >= SWEEP_ABOVE) {
      const now = this.#clock.monotonic();
      for (const [old, { at }] of this.#known) if (now - at >= FRESH_MS) this.#known.delete(old);
    }
    this.#known.set(key, known);
  }
}
