import type { FailureMark } from "../../src/domain/ingest.ts";
import {
  LEAST_MOVES,
  MOVES_SHARE,
  type PlacementIngest,
  type PlacementOrigin,
} from "../../src/domain/placement/input.ts";
import { place } from "../../src/domain/placement/place.ts";
import type { StreamKey } from "../../src/domain/stream-key.ts";

const TICK_MS = 1_000;
const START = 1_700_000_000_000;

interface ModelOrigin {
  readonly name: string;
  weight: number;
  draining: boolean;
  since: number;
}

interface ModelIngest {
  readonly stream: StreamKey;
  readonly weight: number;
  readonly captureAt: string;
  owner: string;
  /** Begin of the owner's session: a later session of that name holds nothing. */
  session: number;
  lastMove: number;
  planned: string;
  /** Ticks that nobody has pulled it. */
  waiting: number;
  marks: FailureMark[];
}

export interface ModelIngestOptions {
  readonly weight?: number;
  readonly captureAt?: string;
}

/** Moves that were seen, by cause. `ticks` are seconds. */
export interface ModelCounts {
  /** A first placement, or one after its owner died. */
  placements: number;
  /** Taken from a living owner. */
  moves: number;
  longestWait: number;
}

/**
 * A fleet that does at once what its plan says, second by second: so many starts a second per origin, sessions that
 * begin and end, sources that fail on some origins.
 */
export class PlacementModel {
  readonly origins = new Map<string, ModelOrigin>();
  readonly ingests = new Map<StreamKey, ModelIngest>();
  readonly counts: ModelCounts = { placements: 0, moves: 0, longestWait: 0 };
  readonly #startsPerSecond: number;
  /** Whether a source fails on an origin. */
  fails: (stream: StreamKey, origin: string) => boolean = () => false;
  now = START;
  /** ms that the planner took, at most. */
  slowest = 0;

  constructor(startsPerSecond = 20) {
    this.#startsPerSecond = startsPerSecond;
  }

  join(name: string, weight = 1): void {
    this.origins.set(name, { name, weight, draining: false, since: this.now });
  }

  die(name: string): void {
    this.origins.delete(name);
  }

  drain(name: string, draining = true): void {
    const origin = this.origins.get(name);
    if (origin) origin.draining = draining;
  }

  define(stream: string, { weight = 1, captureAt = "" }: ModelIngestOptions = {}): void {
    const key = stream as StreamKey;
    const fresh = { owner: "", session: 0, lastMove: 0, planned: "", waiting: 0, marks: [] };
    this.ingests.set(key, { stream: key, weight, captureAt, ...fresh });
  }

  /** One second: plan, then do what the plan says. */
  tick(): void {
    this.now += TICK_MS;
    const began = performance.now();
    const { lines } = place({
      now: this.now,
      origins: [...this.origins.values()].map(asOrigin),
      ingests: [...this.ingests.values()].map((ingest) => this.#asIngest(ingest)),
      movesAllowed: Math.max(LEAST_MOVES, Math.floor(this.ingests.size * MOVES_SHARE)),
    });
    this.slowest = Math.max(this.slowest, performance.now() - began);
    const starts = new Map<string, number>();
    for (const ingest of this.ingests.values()) {
      ingest.planned = lines.get(ingest.stream)?.origin ?? "";
      this.#act(ingest, starts);
    }
  }

  ticks(count: number): void {
    for (let i = 0; i < count; i++) this.tick();
  }

  /** Ingests that a living origin pulls, by origin. Origins with none are there, too. */
  spread(): Map<string, number> {
    const counts = new Map([...this.origins.keys()].map((name) => [name, 0]));
    for (const ingest of this.ingests.values())
      if (this.#held(ingest)) counts.set(ingest.owner, (counts.get(ingest.owner) ?? 0) + 1);
    return counts;
  }

  /** Greatest minus least number of ingests of origins that are not draining. */
  unevenness(): number {
    const counts = [...this.spread()].filter(([name]) => !this.origins.get(name)?.draining);
    const numbers = counts.map(([, count]) => count);
    return Math.max(...numbers) - Math.min(...numbers);
  }

  unplaced(): number {
    return [...this.ingests.values()].filter((ingest) => !this.#held(ingest)).length;
  }

  owners(): Map<StreamKey, string> {
    return new Map(
      [...this.ingests].map(([stream, ingest]) => [stream, this.#held(ingest) ? ingest.owner : ""]),
    );
  }

  #act(ingest: ModelIngest, starts: Map<string, number>): void {
    const held = this.#held(ingest);
    ingest.waiting = held ? 0 : ingest.waiting + 1;
    this.counts.longestWait = Math.max(this.counts.longestWait, ingest.waiting);
    const target = this.origins.get(ingest.planned);
    const there = held && ingest.owner === ingest.planned;
    const used = starts.get(ingest.planned) ?? 0;
    if (!target || there || used >= this.#startsPerSecond) return;
    starts.set(ingest.planned, used + 1);
    if (held) this.counts.moves += 1;
    else this.counts.placements += 1;
    ingest.owner = target.name;
    ingest.session = target.since;
    ingest.lastMove = this.now;
    if (this.fails(ingest.stream, target.name)) this.#fail(ingest, target.name);
  }

  #fail(ingest: ModelIngest, origin: string): void {
    const count = (ingest.marks.find((mark) => mark.origin === origin)?.count ?? 0) + 1;
    const until = this.now + Math.min(600_000, 10_000 * 2 ** (count - 1));
    ingest.marks = [...ingest.marks.filter((mark) => mark.origin !== origin), { origin, count, until }];
  }

  #held({ owner, session }: ModelIngest): boolean {
    return owner !== "" && this.origins.get(owner)?.since === session;
  }

  #asIngest(ingest: ModelIngest): PlacementIngest {
    const { stream, weight, captureAt, owner, lastMove, planned, marks } = ingest;
    return {
      stream,
      weight,
      captureAt,
      owner,
      lastMove,
      planned,
      marks,
      moveTo: "",
      held: this.#held(ingest),
    };
  }
}

function asOrigin({ name, weight, draining, since }: ModelOrigin): PlacementOrigin {
  return { name, host: name, weight, draining, since };
}
