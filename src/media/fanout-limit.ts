/** What a player may owe. */
export interface BacklogLimits {
  /** Unsent bytes … */
  readonly maxBacklog: number;
  /** … and unsent media in ms: whichever is less. */
  readonly maxDelay: number;
}

/** So much may be owed of any stream: of a few bytes a second, and after a gap, seconds say nothing. */
const LEAST_BYTES = 65_536;

/** Flushes within this many ms are counted as one. */
const GRAIN = 100;

interface Flushes {
  /** The first of them. */
  readonly at: number;
  bytes: number;
}

/**
 * How many bytes of one stream a player may owe now: those of the last `maxDelay`, at most `maxBacklog`.
 *
 * One number per flush for all players, so that nobody's backlog has to be followed through time.
 */
export class BacklogLimit {
  readonly #limits: BacklogLimits;
  #flushes: Flushes[] = [];
  #first = 0;
  #recent = 0;

  constructor(limits: BacklogLimits) {
    this.#limits = limits;
  }

  /** Count a flush of so many bytes, and tell the limit in bytes. */
  after(bytes: number, now: number): number {
    const newest = this.#flushes.at(-1);
    if (newest && now - newest.at < GRAIN) newest.bytes += bytes;
    else this.#flushes.push({ at: now, bytes });
    this.#recent += bytes;
    const oldest = now - this.#limits.maxDelay;
    for (
      let flush = this.#flushes[this.#first];
      flush && flush.at < oldest;
      flush = this.#flushes[this.#first]
    ) {
      this.#recent -= flush.bytes;
      this.#first += 1;
    }
    if (this.#first > 1_024) {
      this.#flushes = this.#flushes.slice(this.#first);
      this.#first = 0;
    }
    return Math.min(this.#limits.maxBacklog, Math.max(LEAST_BYTES, this.#recent));
  }
}
