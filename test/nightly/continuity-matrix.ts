import { after, before, describe } from "node:test";
import { CHANGES } from "../conformance/changes.ts";
import { AWAY, HOME, Stage } from "../conformance/stage.ts";
import { describeSuccession, recipesOf } from "../conformance/succession.ts";
import type { SuccessionRow } from "../conformance/succession.ts";
import { playerKinds } from "../support/players.ts";
import type { PlayerKind } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import type { PublisherKind } from "../support/publishers.ts";

/**
 * What may feed a channel: one line per kind. Relays need none: at home a publisher of another origin makes a relay
 * follow the publisher, at that origin the publisher follows a relay, and at a third one a relay follows a relay.
 */
const SOURCES: readonly PublisherKind[] = [PUBLISHERS.wire, PUBLISHERS.curl];
const GAPS = [0, 1_000, 10_000];
/** From, to: far back, over the wrap at 2^32, from the middle, far forward. */
const CLOCKS: readonly (readonly [number, number])[] = [
  [3_600_000, 0],
  [2 ** 32 - 3_000, 2 ** 32 - 1_000],
  [2 ** 31 - 1_000, 5_000],
  [0, 2 ** 31],
];

/** All ways in which one source can follow another. */
export function waysToFollow(): Omit<SuccessionRow, "players" | "change" | "clocks">[] {
  return SOURCES.flatMap((first) =>
    SOURCES.flatMap((second) =>
      [HOME, AWAY].flatMap((where) =>
        GAPS.map((gap) => {
          const row = { first, second, where: where as SuccessionRow["where"] };
          return gap === 0 ? { ...row, while: "live" as const } : { ...row, while: "gone" as const, gap };
        }),
      ),
    ),
  );
}

/** Each way to follow with each change and each clock, for players that hand on what is on the wire. */
export function describeOnTheWire(gap: number): void {
  const players = playerKinds("wire");
  const rows = waysToFollow()
    .filter((way) => (way.gap ?? 0) === gap)
    .flatMap((way) =>
      Object.values(CHANGES).flatMap((change) =>
        CLOCKS.map((clocks) => ({ ...way, change, clocks, players })),
      ),
    );
  describeRows(rows, 8);
}

/** Each way to follow with each change that all players understand, and with the clocks in turn. */
export function describeWithPlayers(players: readonly PlayerKind[], part: number, parts: number): void {
  const { nothing, larger, deeper, sound } = CHANGES;
  // mpegts.js cannot always follow another form of the picture: docs/clients.md.
  const browsers = new Set(playerKinds("mpegts", "mpegtsWebSocket"));
  const rows = waysToFollow().flatMap((way, row) =>
    [nothing, larger, deeper, sound].map((change, column) => ({
      ...way,
      change,
      clocks: CLOCKS[(row + column) % CLOCKS.length] as readonly [number, number],
      players: players.filter((kind) => change === nothing || !browsers.has(kind)),
    })),
  );
  describeRows(
    rows.filter((_, index) => index % parts === part),
    1,
  );
}

function describeRows(rows: readonly SuccessionRow[], concurrency: number): void {
  describe("a swap of sources", { concurrency }, () => {
    const stage = new Stage(3);
    before(async () => {
      await stage.open({ config: { continuity: { hold: "60s" } } });
      // Coding takes all of the machine: not while others play.
      for (const row of rows) for (const recipe of recipesOf(row)) await stage.prepare(recipe);
    });
    after(() => stage.close());
    for (const row of rows) describeSuccession(stage, row);
  });
}
