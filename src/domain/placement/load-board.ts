import type { StreamKey } from "../stream-key.ts";
import type { PlacementOrigin } from "./input.ts";
import { hashOf, rendezvous } from "./rendezvous.ts";

/** An origin that may take ingests, and what it has by now. */
export interface Seat {
  readonly origin: PlacementOrigin;
  readonly hash: number;
  /** Position in the heap. */
  index: number;
  load: number;
}

/**
 * The origins by how full they are, least full first: a binary heap whose entries can change.
 *
 * Equally full ones are ordered by a rendezvous hash with the ingest in question, so that each ingest prefers its own
 * order of origins and two planners choose the same.
 */
export class LoadBoard {
  readonly #heap: Seat[] = [];
  readonly #seats = new Map<string, Seat>();
  #mostWeight = 0;

  constructor(origins: readonly PlacementOrigin[]) {
    for (const origin of origins) {
      if (origin.draining || origin.weight <= 0) continue;
      const seat = { origin, hash: hashOf(origin.name), index: this.#heap.length, load: 0 };
      this.#heap.push(seat);
      this.#mostWeight = Math.max(this.#mostWeight, origin.weight);
      this.#seats.set(origin.name, seat);
    }
  }

  get size(): number {
    return this.#heap.length;
  }

  get seats(): readonly Seat[] {
    return this.#heap;
  }

  get(name: string): Seat | undefined {
    return this.#seats.get(name);
  }

  /** Sum of the capacities. */
  get capacity(): number {
    return this.#heap.reduce((sum, { origin }) => sum + origin.weight, 0);
  }

  /** Give `seat` more (or less) load. */
  add(seat: Seat, load: number): void {
    seat.load += load;
    this.#sink(seat);
    this.#rise(seat);
  }

  /**
   * The allowed seat that is least full with an ingest of this weight.
   *
   * @param below only one that stays less full than this
   */
  best(
    stream: StreamKey,
    weight: number,
    allowed: (seat: Seat) => boolean,
    below = Infinity,
  ): Seat | undefined {
    const hash = hashOf(stream);
    let best: Seat | undefined;
    let level = below;
    // Nobody is as full as `below` and still allowed: every rank is greater than this one.
    let rank = -1;
    // Walks only the part of the heap that can hold seats as good as the best one found: no seat below this one is
    // less full than it, and none has more capacity than the greatest.
    const least = weight / this.#mostWeight;
    const open = [0];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const seat = this.#heap[at];
      if (!seat || fullness(seat, 0) + least > level) continue;
      open.push(2 * at + 2, 2 * at + 1);
      const after = fullness(seat, weight);
      const own = rendezvous(hash, seat.hash);
      if (after > level || (after === level && own >= rank) || !allowed(seat)) continue;
      best = seat;
      level = after;
      rank = own;
    }
    return best;
  }

  #rise(seat: Seat): void {
    for (let parent = this.#above(seat); parent && isFuller(parent, seat); parent = this.#above(seat))
      this.#swap(parent, seat);
  }

  #sink(seat: Seat): void {
    for (;;) {
      const left = this.#heap[2 * seat.index + 1];
      const right = this.#heap[2 * seat.index + 2];
      const lighter = right && left && isFuller(left, right) ? right : left;
      if (!lighter || !isFuller(seat, lighter)) return;
      this.#swap(seat, lighter);
    }
  }

  #above(seat: Seat): Seat | undefined {
    return seat.index === 0 ? undefined : this.#heap[(seat.index - 1) >> 1];
  }

  #swap(one: Seat, other: Seat): void {
    [one.index, other.index] = [other.index, one.index];
    this.#heap[one.index] = one;
    this.#heap[other.index] = other;
  }
}

/** Load per capacity, with `more` added. */
export function fullness({ load, origin }: Seat, more: number): number {
  return (load + more) / origin.weight;
}

function isFuller(one: Seat, other: Seat): boolean {
  return fullness(one, 0) > fullness(other, 0);
}
