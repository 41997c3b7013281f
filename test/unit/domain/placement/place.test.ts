import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlacementIngest, PlacementOrigin } from "../../../../src/domain/placement/input.ts";
import { place } from "../../../../src/domain/placement/place.ts";
import type { StreamKey } from "../../../../src/domain/stream-key.ts";

const NOW = 1_700_000_000_000;
const LONG_AGO = NOW - 3_600_000;

function origin(name: string, more: Partial<PlacementOrigin> = {}): PlacementOrigin {
  return { name, host: name, weight: 1, draining: false, since: LONG_AGO, ...more };
}

function ingest(name: string, more: Partial<PlacementIngest> = {}): PlacementIngest {
  const anywhere = { captureAt: "", moveTo: "", owner: "", held: false, lastMove: 0, marks: [], planned: "" };
  return { stream: `live/${name}` as StreamKey, weight: 1, ...anywhere, ...more };
}

/** Pulled by `owner` for a long time. */
function running(name: string, owner: string, more: Partial<PlacementIngest> = {}): PlacementIngest {
  return ingest(name, { owner, held: true, lastMove: LONG_AGO, ...more });
}

const failed = (origin: string) => [{ origin, count: 1, until: NOW + 5_000 }];
const trio = [origin("o1"), origin("o2"), origin("o3")];

interface Case {
  readonly name: string;
  readonly origins?: readonly PlacementOrigin[];
  readonly ingests: readonly PlacementIngest[];
  readonly movesAllowed?: number;
  /** Where the first ingest goes, and why. */
  readonly origin: string | undefined;
  readonly why?: RegExp;
}

const cases: readonly Case[] = [
  {
    name: "a new ingest goes to its captureAt, however young that origin is",
    origins: [origin("o1"), origin("o2", { since: NOW })],
    ingests: [ingest("a", { captureAt: "o2" })],
    origin: "o2",
    why: /^captureAt o2$/,
  },
  {
    name: "captureAt may name a host: the least full of its workers takes it",
    origins: [origin("h.1", { host: "h" }), origin("h.2", { host: "h" }), origin("o3")],
    ingests: [ingest("a", { captureAt: "h" }), running("b", "h.1"), running("c", "h.1")],
    origin: "h.2",
  },
  {
    name: "captureAt is honoured although the origin has more than its share",
    ingests: [ingest("a", { captureAt: "o1" }), running("b", "o1"), running("c", "o1")],
    origin: "o1",
  },
  {
    name: "an ingest does not return to its captureAt before that was up for ten seconds",
    origins: [origin("o1", { since: NOW - 9_000 }), origin("o2")],
    ingests: [running("a", "o2", { captureAt: "o1" })],
    origin: "o2",
  },
  {
    name: "an ingest returns to its captureAt after ten seconds",
    origins: [origin("o1", { since: NOW - 10_000 }), origin("o2")],
    ingests: [running("a", "o2", { captureAt: "o1" })],
    origin: "o1",
  },
  {
    name: "an ingest does not return to its captureAt within thirty seconds of its last move",
    ingests: [running("a", "o2", { captureAt: "o1", lastMove: NOW - 29_000 })],
    origin: "o2",
  },
  {
    name: "an ingest does not return to its captureAt when it failed there a moment ago",
    ingests: [running("a", "o2", { captureAt: "o1", marks: failed("o1") })],
    origin: "o2",
  },
  {
    name: "returning waits for its turn",
    ingests: [running("a", "o2", { captureAt: "o1" })],
    movesAllowed: 0,
    origin: "o2",
  },
  {
    name: "a return that was planned already needs no further turn",
    ingests: [running("a", "o2", { captureAt: "o1", planned: "o1" })],
    movesAllowed: 0,
    origin: "o1",
  },
  {
    name: "what an operator wants comes before captureAt",
    ingests: [running("a", "o1", { captureAt: "o1", moveTo: "o3", lastMove: NOW })],
    movesAllowed: 0,
    origin: "o3",
    why: /by an operator/,
  },
  {
    name: "a wish for an origin that is not there changes nothing",
    ingests: [running("a", "o1", { moveTo: "o9" })],
    origin: "o1",
  },
  {
    name: "an ingest stays where it runs while that is fair",
    ingests: [running("a", "o2"), running("b", "o1"), running("c", "o3")],
    origin: "o2",
    why: /it runs there/,
  },
  {
    name: "a draining origin gives its ingests away at once",
    origins: [origin("o1", { draining: true }), origin("o2")],
    ingests: [running("a", "o1", { lastMove: NOW })],
    movesAllowed: 0,
    origin: "o2",
    why: /o1 is draining/,
  },
  {
    name: "an origin of weight 0 takes nothing",
    origins: [origin("o1", { weight: 0 }), origin("o2")],
    ingests: [ingest("a"), ingest("b")],
    origin: "o2",
  },
  {
    name: "without an origin that takes anything there is no line",
    origins: [origin("o1", { draining: true })],
    ingests: [running("a", "o1")],
    origin: undefined,
  },
  {
    name: "a source that failed where it runs is tried on another origin at once",
    ingests: [running("a", "o1", { marks: failed("o1"), lastMove: NOW }), running("b", "o2")],
    movesAllowed: 0,
    origin: "o3",
    why: /it failed on o1/,
  },
  {
    name: "a source that failed everywhere rests where it was",
    ingests: [running("a", "o2", { marks: [...failed("o1"), ...failed("o2"), ...failed("o3")] })],
    origin: "o2",
    why: /rests/,
  },
  {
    name: "a mark that is over does not count",
    ingests: [running("a", "o1", { marks: [{ origin: "o1", count: 3, until: NOW }] })],
    origin: "o1",
  },
  {
    name: "the ingest of an origin that came back under its name goes there again",
    ingests: [ingest("a", { owner: "o2", lastMove: LONG_AGO }), running("b", "o1"), running("c", "o3")],
    origin: "o2",
    why: /before/,
  },
  {
    name: "what was planned and not taken yet stays planned",
    ingests: [ingest("a", { planned: "o3" }), ingest("b"), ingest("c")],
    origin: "o3",
  },
  {
    name: "what failed where it was planned goes elsewhere",
    origins: [origin("o1"), origin("o3")],
    ingests: [ingest("a", { planned: "o3", marks: failed("o3") })],
    origin: "o1",
  },
  {
    name: "an origin with twice the weight takes twice as much",
    origins: [origin("o1", { weight: 2 }), origin("o2")],
    ingests: [ingest("a"), running("b", "o1"), running("c", "o2")],
    origin: "o1",
  },
  {
    name: "evenness moves what has been in its place longest",
    origins: [origin("o1"), origin("o2")],
    ingests: [
      running("old", "o1", { lastMove: LONG_AGO - 1 }),
      running("b", "o1"),
      running("c", "o1"),
      running("d", "o1"),
    ],
    movesAllowed: 1,
    origin: "o2",
    why: /even out/,
  },
  {
    name: "evenness moves nothing that moved within thirty seconds",
    origins: [origin("o1"), origin("o2")],
    ingests: ["a", "b", "c"].map((name) => running(name, "o1", { lastMove: NOW - 29_999 })),
    origin: "o1",
  },
  {
    name: "evenness takes nothing from its captureAt",
    origins: [origin("o1"), origin("o2")],
    ingests: ["a", "b", "c"].map((name) => running(name, "o1", { captureAt: "o1" })),
    origin: "o1",
  },
  {
    name: "a difference of one is even",
    origins: [origin("o1"), origin("o2")],
    ingests: [running("a", "o1"), running("b", "o1"), running("c", "o2")],
    origin: "o1",
  },
];

for (const { name, origins = trio, ingests, movesAllowed = 10, origin, why } of cases) {
  test(name, () => {
    const { lines } = place({ now: NOW, origins, ingests, movesAllowed });
    const line = lines.get(ingests[0]?.stream as StreamKey);
    assert.equal(line?.origin, origin);
    if (why) assert.match(line?.why ?? "", why);
  });
}

test("no more move for evenness than allowed", () => {
  const ingests = Array.from({ length: 100 }, (_, i) => running(`c${i}`, "o1"));
  const { lines, moves } = place({ now: NOW, origins: trio, ingests, movesAllowed: 7 });
  assert.equal(moves, 7);
  assert.equal([...lines.values()].filter(({ origin }) => origin !== "o1").length, 7);
});

test("two planners plan the same, in whatever order they were told", () => {
  const ingests = Array.from({ length: 50 }, (_, i) => ingest(`c${i}`));
  const question = { now: NOW, movesAllowed: 10 };
  const one = place({ ...question, origins: trio, ingests });
  const other = place({ ...question, origins: [...trio].reverse(), ingests: [...ingests].reverse() });
  assert.deepEqual(new Map([...other.lines].sort()), new Map([...one.lines].sort()));
});
