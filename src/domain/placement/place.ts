import type { StreamKey } from "../stream-key.ts";
import {
  REST_MS,
  STABLE_MS,
  type Placement,
  type PlacementIngest,
  type PlacementInput,
  type PlacementResult,
} from "./input.ts";
import { fullness, LoadBoard, type Seat } from "./load-board.ts";

/**
 * Where every ingest should run. Pure: the same input gives the same plan on every planner.
 *
 * In this order: where an operator wants it; `captureAt`, once that origin is stable; where it is, while that is not
 * more than its share; the least full origin by weight. An origin where it failed a moment ago is the last choice.
 * With equal weights the counts differ by at most 1 once moves are done, and a death moves only what the dead had.
 */
export function place(input: PlacementInput): PlacementResult {
  return new Placing(input).run();
}

interface Placed {
  readonly ingest: PlacementIngest;
  seat: Seat;
  why: string;
  /** Wanted there by somebody: evenness does not move it. */
  readonly pinned: boolean;
}

class Placing {
  readonly #input: PlacementInput;
  readonly #board: LoadBoard;
  readonly #placed = new Map<StreamKey, Placed>();
  readonly #homeless: PlacementIngest[] = [];
  /** Load that an origin of capacity 1 may have and still count as within its share. */
  readonly #share: number;
  readonly #hosts: ReadonlySet<string>;
  #moves = 0;

  constructor(input: PlacementInput) {
    this.#input = input;
    this.#board = new LoadBoard(input.origins);
    const load = input.ingests.reduce((sum, { weight }) => sum + weight, 0);
    this.#hosts = new Set(input.origins.map(({ host }) => host));
    this.#share = load / this.#board.capacity;
  }

  run(): PlacementResult {
    if (this.#board.size > 0) {
      // Whoever may choose among the workers of a host chooses last: by then it is known how full they are.
      const choosing = this.#input.ingests.filter((ingest) => this.#mayChoose(ingest));
      const others = this.#input.ingests.filter((ingest) => !this.#mayChoose(ingest));
      const free = others.filter((ingest) => !this.#pin(ingest));
      for (const ingest of free) if (!this.#stay(ingest)) this.#homeless.push(ingest);
      for (const ingest of choosing)
        if (!this.#pin(ingest) && !this.#stay(ingest)) this.#homeless.push(ingest);
      // Large ones first: the small ones then fill what is left.
      this.#homeless.sort((one, other) => other.weight - one.weight || (one.stream < other.stream ? -1 : 1));
      for (const ingest of this.#homeless.filter((one) => !this.#resume(one))) this.#house(ingest);
      this.#even();
    }
    const lines = new Map<StreamKey, Placement>();
    for (const [stream, { seat, why }] of this.#placed) lines.set(stream, { origin: seat.origin.name, why });
    return { lines, moves: this.#moves };
  }

  #mayChoose({ moveTo, captureAt }: PlacementIngest): boolean {
    return [moveTo, captureAt].some((name) => name !== "" && this.#hosts.has(name) && !this.#board.get(name));
  }

  /** Where somebody wants it. */
  #pin(ingest: PlacementIngest): boolean {
    const { moveTo, captureAt } = ingest;
    const wished = moveTo !== "" && this.#wanted(ingest, moveTo);
    if (wished) return this.#put(ingest, wished, `moved to ${moveTo} by an operator`, true);
    const home = captureAt !== "" && this.#wanted(ingest, captureAt);
    if (!home) return false;
    const { now, movesAllowed } = this.#input;
    const away = ingest.held && this.#board.get(ingest.owner);
    const isThere = away === home;
    const stable = now - home.origin.since >= STABLE_MS || ingest.lastMove === 0;
    if (!isThere && !stable) return false;
    const underWay = ingest.planned === home.origin.name;
    if (!isThere && !underWay && away && !isMarked(ingest, away.origin.name, now)) {
      // It runs: bringing it home can wait for its turn.
      if (now - ingest.lastMove < REST_MS || this.#moves >= movesAllowed) return false;
      this.#moves += 1;
    }
    return this.#put(ingest, home, `captureAt ${captureAt}`, true);
  }

  /** The seat of this name, or the best of the host of this name, if the ingest has not failed there. */
  #wanted(ingest: PlacementIngest, name: string): Seat | undefined {
    const { now } = this.#input;
    const own = this.#board.get(name);
    if (own) return isMarked(ingest, name, now) ? undefined : own;
    const present = this.#board.get(ingest.owner);
    const fits = ({ origin }: Seat) => origin.host === name && !isMarked(ingest, origin.name, now);
    return present && fits(present) ? present : this.#board.best(ingest.stream, ingest.weight, fits);
  }

  /** Where it is: only `#even` takes it away from there. */
  #stay(ingest: PlacementIngest): boolean {
    const { now } = this.#input;
    const seat = ingest.held ? this.#board.get(ingest.owner) : undefined;
    if (!seat || isMarked(ingest, ingest.owner, now)) return false;
    // A move that was planned a moment ago is on its way.
    const target = this.#board.get(ingest.planned);
    if (target && target !== seat && !isMarked(ingest, ingest.planned, now))
      return this.#put(ingest, target, "moved to even out the load", false);
    return this.#put(ingest, seat, "it runs there", false);
  }

  /** Where it was or was going, if that is within the origin's share. */
  #resume(ingest: PlacementIngest): boolean {
    const { now } = this.#input;
    for (const name of [ingest.planned, ingest.owner]) {
      const seat = this.#board.get(name);
      if (!seat || isMarked(ingest, name, now)) continue;
      const planned = name === ingest.planned;
      // What is planned already was fair a moment ago; what only was there once must not make it unfair.
      const fits = planned ? fullness(seat, 0) < this.#share : fullness(seat, ingest.weight) <= this.#share;
      if (fits)
        return this.#put(ingest, seat, planned ? this.#whyHomeless(ingest) : "it ran there before", false);
    }
    return false;
  }

  #house(ingest: PlacementIngest): void {
    const { now } = this.#input;
    const { stream, weight } = ingest;
    const fresh = this.#board.best(stream, weight, ({ origin }) => !isMarked(ingest, origin.name, now));
    if (fresh) return void this.#put(ingest, fresh, this.#whyHomeless(ingest), false);
    // It failed everywhere: it rests where it was.
    const before = this.#board.get(ingest.owner) ?? this.#board.best(stream, weight, () => true);
    if (before) this.#put(ingest, before, "it failed on every origin and rests", true);
  }

  #whyHomeless(ingest: PlacementIngest): string {
    const { owner, held } = ingest;
    if (owner === "") return "least loaded";
    if (isMarked(ingest, owner, this.#input.now)) return `least loaded; it failed on ${owner}`;
    if (held) return `least loaded; ${owner} is draining`;
    return `least loaded; ${owner} is gone`;
  }

  /** Take from the fullest what is not wanted there, while that makes the fleet more even. */
  #even(): void {
    const { movesAllowed } = this.#input;
    if (this.#moves >= movesAllowed) return;
    const movable = this.#movable();
    const givers = [...movable.keys()].sort((one, other) => fullness(other, 0) - fullness(one, 0));
    while (this.#moves < movesAllowed) {
      const giver = givers[0];
      if (!giver) return;
      const ingest = this.#nextFrom(giver, movable.get(giver) ?? []);
      if (!ingest) {
        givers.shift();
        continue;
      }
      this.#moves += 1;
      for (let at = 0; ; at++) {
        const next = givers[at + 1];
        if (!next || fullness(next, 0) <= fullness(giver, 0)) break;
        givers[at] = next;
        givers[at + 1] = giver;
      }
    }
  }

  /** What may be moved away from a seat, the one that has been there longest last. */
  #movable(): Map<Seat, Placed[]> {
    const { now } = this.#input;
    const movable = new Map<Seat, Placed[]>();
    for (const placed of this.#placed.values()) {
      const { ingest, seat, pinned } = placed;
      if (pinned || !ingest.held || ingest.owner !== seat.origin.name) continue;
      if (now - ingest.lastMove < REST_MS) continue;
      const list = movable.get(seat);
      if (list) list.push(placed);
      else movable.set(seat, [placed]);
    }
    for (const list of movable.values())
      list.sort((one, other) => other.ingest.lastMove - one.ingest.lastMove);
    return movable;
  }

  /** Move the first of them for which there is a better place. */
  #nextFrom(giver: Seat, list: Placed[]): Placed | undefined {
    const { now } = this.#input;
    for (let placed = list.pop(); placed; placed = list.pop()) {
      const { ingest } = placed;
      const { stream, weight } = ingest;
      const works = ({ origin }: Seat) => !isMarked(ingest, origin.name, now);
      const target = this.#board.best(stream, weight, works, fullness(giver, 0));
      if (!target) continue;
      this.#board.add(giver, -weight);
      this.#board.add(target, weight);
      placed.seat = target;
      placed.why = "moved to even out the load";
      return placed;
    }
    return undefined;
  }

  #put(ingest: PlacementIngest, seat: Seat, why: string, pinned: boolean): true {
    this.#board.add(seat, ingest.weight);
    this.#placed.set(ingest.stream, { ingest, seat, why, pinned });
    return true;
  }
}

/** Whether it failed there a moment ago. */
function isMarked({ marks }: PlacementIngest, origin: string, now: number): boolean {
  return marks.some((mark) => mark.origin === origin && mark.until > now);
}
