import type { Subscriber } from "../domain/ports/channel.ts";

export interface SeatLimits {
  /** ms that a player may owe twice its limit. */
  readonly dropAfter: number;
}

/** What is known of a batch before anybody's bytes are made. */
export interface BatchOutline {
  /** About how long it is on the wire. */
  readonly bytes: number;
  /** It has a message that a player can begin with. */
  readonly hasStart: boolean;
  /** It has a header in front of that message. */
  readonly headerBeforeStart: boolean;
  /** It has a header anywhere. */
  readonly hasHeader: boolean;
}

/**
 * What a player gets of a batch. `all`; `start`: from the first message on that one can begin with, after the
 * headers when `headers` says so; `nothing`; `drop`: it is hopeless.
 */
export type Portion =
  { readonly kind: "all" | "nothing" | "drop" } | { readonly kind: "start"; readonly headers: boolean };

const ALL: Portion = Object.freeze({ kind: "all" });
const NOTHING: Portion = Object.freeze({ kind: "nothing" });
const DROP: Portion = Object.freeze({ kind: "drop" });

/**
 * One player's place in the fan-out: whether it keeps up.
 *
 * Above its limit of unsent bytes it gets nothing until it has read down to a quarter of that; it goes on at the next
 * keyframe. What it misses meanwhile counts as owed; when it owes more than twice the limit for `dropAfter`, it is
 * given up. So what it can hold of memory is `maxBacklog` and one batch, whatever it does. The limit comes from
 * {@link BacklogLimit}.
 */
export class Seat {
  readonly subscriber: Subscriber;
  /** Number of the flush during which it joined: its snapshot has that batch already. */
  readonly joinedIn: number;
  readonly #limits: SeatLimits;
  #waiting = true;
  /** It has read too slowly: what it misses is owed. A player that waits for its first keyframe owes nothing. */
  #slow = false;
  #needsHeaders = true;
  #withheld = 0;
  #owingSince: number | undefined;
  /** The first write may be larger than the limit: that much more until it is read. */
  #allowance = 0;

  constructor(subscriber: Subscriber, joinedIn: number, limits: SeatLimits) {
    this.subscriber = subscriber;
    this.joinedIn = joinedIn;
    this.#limits = limits;
  }

  /** It was given headers and the group so far, in so many bytes. */
  begin(bytes: number): void {
    this.#waiting = false;
    this.#needsHeaders = false;
    this.#allowance = bytes;
  }

  /**
   * Decide about a batch.
   *
   * @param limit unsent bytes above which the player skips to the next keyframe
   */
  portion(batch: BatchOutline, now: number, limit: number): Portion {
    const { backlog, paused = false } = this.subscriber;
    const recovered = backlog <= limit / 4;
    if (!this.#waiting) {
      if (recovered) this.#allowance = 0;
      if (!paused && backlog <= limit + this.#allowance) return ALL;
      this.#waiting = true;
    } else if (batch.hasStart && recovered && !paused) {
      return this.#resume(batch);
    }
    if (!paused && backlog > limit) this.#slow = true;
    this.#withheld += batch.bytes;
    this.#needsHeaders ||= batch.hasHeader;
    const owes = backlog + this.#withheld > 2 * limit;
    return this.#isHopeless(owes, paused || recovered, now) ? DROP : NOTHING;
  }

  #resume(batch: BatchOutline): Portion {
    const headers = this.#needsHeaders || batch.headerBeforeStart;
    this.#waiting = false;
    this.#slow = false;
    this.#needsHeaders = false;
    this.#withheld = 0;
    this.#owingSince = undefined;
    this.#allowance = 0;
    return { kind: "start", headers };
  }

  #isHopeless(owes: boolean, excused: boolean, now: number): boolean {
    if (excused || !this.#slow || !owes) {
      this.#owingSince = undefined;
      return false;
    }
    this.#owingSince ??= now;
    return now - this.#owingSince >= this.#limits.dropAfter;
  }
}
