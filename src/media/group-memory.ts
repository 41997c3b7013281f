/**
 * What an origin keeps of the groups of all its streams: for players that join, and of encoders that stand by.
 *
 * Each group is bounded by itself; this bounds their sum: when all together take too much, the largest is dropped. So who
 * sends a little loses nothing to who sends much.
 */
export class GroupMemory {
  readonly #most: number;
  /** Those that keep something. */
  readonly #groups = new Set<Group>();
  #taken = 0;
  #drops = 0;

  /** @param most  bytes */
  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes of all groups. */
  get taken(): number {
    return this.#taken;
  }

  /** Groups that were dropped because all together took too much. */
  get drops(): number {
    return this.#drops;
  }

  /** @param drop  forgets all that the group keeps; called while it or another one grows */
  group(drop: () => void): Group {
    return new Group((group, change) => this.#count(group, change), drop);
  }

  #count(group: Group, change: number): void {
    this.#taken += change;
    if (group.bytes > 0) this.#groups.add(group);
    else this.#groups.delete(group);
    while (change > 0 && this.#taken > this.#most) {
      const largest = this.#largest();
      this.#drops += 1;
      largest.drop();
      largest.clear();
    }
  }

  #largest(): Group {
    let largest: Group | undefined;
    for (const group of this.#groups) if (!largest || group.bytes > largest.bytes) largest = group;
    return largest as Group;
  }
}

/** One group's part. */
export class Group {
  readonly #counted: (group: Group, change: number) => void;
  readonly drop: () => void;
  #bytes = 0;

  constructor(counted: (group: Group, change: number) => void, drop: () => void) {
    this.#counted = counted;
    this.drop = drop;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** It keeps so many bytes more, or less. It may be dropped for it. */
  count(change: number): void {
    this.#bytes += change;
    this.#counted(this, change);
  }

  /** It keeps nothing any more. */
  clear(): void {
    if (this.#bytes > 0) this.count(-this.#bytes);
  }
}
