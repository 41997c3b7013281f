import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Audience } from "../support/audience.ts";
import type { Published } from "../support/audience.ts";
import type { Recipe } from "../support/make-media.ts";
import { countByPublication } from "../support/packet-compare.ts";
import type { PlayerKind } from "../support/players.ts";
import type { Publisher } from "../support/publisher.ts";
import type { PublisherKind } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { waitFor } from "../support/wait.ts";
import { HOME, SINCE_JOINED_MS } from "./stage.ts";
import type { AWAY, Stage } from "./stage.ts";

/** What else the second encoder does differently. */
export interface Change {
  /** Ends a sentence, such as `with a larger picture`. */
  readonly name: string;
  readonly first?: Recipe;
  readonly second?: Recipe;
}

/** One row of a table: a second encoder follows a first one under the players of a stream. */
export interface SuccessionRow {
  readonly first: PublisherKind;
  readonly second: PublisherKind;
  /** Where the second one publishes; the first one is at home. */
  readonly where: typeof HOME | typeof AWAY;
  /** `live`: while the first one is on air. `gone`: after its connection broke, within the hold. */
  readonly while: "live" | "gone";
  readonly players: readonly PlayerKind[];
  /** Without: the same form of H.264 and AAC, with other pictures and tones. */
  readonly change?: Change;
  /** Where the clocks of the two begin, in ms. */
  readonly clocks?: readonly [number, number];
  /** With `gone`: ms that nobody publishes, at least. */
  readonly gap?: number;
}

const H264_AAC: Recipe = { video: "h264", audio: "aac" };

/** What the two publish. */
export function recipesOf({ change }: SuccessionRow): readonly [Recipe, Recipe] {
  return [
    { ...(change?.first ?? H264_AAC), take: 1 },
    { ...(change?.second ?? H264_AAC), take: 2 },
  ];
}

function titleOf({ first, second, where, while: state, change, clocks, gap }: SuccessionRow): string {
  const how = state === "live" ? "takes over from" : "comes back after";
  return [
    `${second.name} ${where} ${how} ${first.name}${state === "live" ? "" : " broke off"}`,
    ...(change ? [change.name] : []),
    ...(clocks ? [`with clocks at ${clocks.join(" and ")}`] : []),
    ...(gap ? [`after ${gap / 1000} s`] : []),
  ].join(", ");
}

/** The tests of one row: every player stays attached, and has the frames of both, each once and in order. */
export function describeSuccession(stage: Stage, row: SuccessionRow): void {
  describe(titleOf(row), { skip: missing(row.first, row.second) }, () => {
    const stream = `live/${titleOf(row)}`.replaceAll(/[^a-z0-9/]+/gi, "-");
    let first: Publisher | undefined;
    let audience: Audience | undefined;
    let published: Published;
    let tokens: number[] = [];
    const recipes = recipesOf(row);
    const [clock, nextClock] = row.clocks ?? [0, 0];

    before(async () => {
      first = await stage.publish(row.first, stream, recipes[0], stage.home, { clock });
      audience = new Audience(row.players, stage.places);
      audience.start(stream);
      await audience.settled();
      const before = await stage.fleet.owned(stream, stage.home);
      if (row.while === "gone") {
        const gone = performance.now();
        await first.die();
        await waitFor(async () => !(await stage.fleet.ownerOf(stream)), {
          what: "the record being released",
          within: 20_000,
        });
        const over = () => performance.now() - gone >= (row.gap ?? 0);
        await waitFor(over, { within: 60_000, what: "the end of the gap" });
      }
      const origin = row.where === HOME ? stage.home : stage.away;
      const second = await stage.publish(row.second, stream, recipes[1], origin, { clock: nextClock });
      const owner = await waitFor(
        async () => {
          const owner = await stage.fleet.owned(stream, origin);
          return owner.token > before.token ? owner : undefined;
        },
        { what: "a greater token", within: 30_000 },
      );
      tokens = [before.token, owner.token];
      await waitFor(() => second.position > SINCE_JOINED_MS, {
        what: "media of the second encoder",
        within: 30_000,
      });
      await second.finish(SINCE_JOINED_MS);
      await audience.dispersed();
      published = await stage.published(
        [
          { publisher: first, kind: row.first, recipe: recipes[0] },
          { publisher: second, kind: row.second, recipe: recipes[1] },
        ],
        SINCE_JOINED_MS * 2,
      );
    });
    after(() => audience?.stop());

    if (row.while === "live")
      test("the first encoder is disconnected", async () => {
        await waitFor(() => first?.running === false, { what: "the end of the first encoder" });
      });
    test("the second encoder's token is greater", () => {
      assert.ok((tokens[1] ?? 0) > (tokens[0] ?? 0), tokens.join(" "));
    });

    for (const place of stage.placeNames)
      for (const kind of row.players)
        test(
          `${kind.name} ${place} stays and goes on with the second encoder`,
          { skip: missing(kind) },
          async () => {
            const seat = audience?.seatOf(kind, place);
            await seat?.progressed();
            await seat?.endsInOrder();
            await seat?.got(published);
            const units = seat?.player.units();
            if (units)
              assert.ok(countByPublication(published.publications, units).every((count) => count > 0));
          },
        );
  });
}
