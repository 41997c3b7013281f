import { after, before, describe, test } from "node:test";
import { Audience } from "../support/audience.ts";
import type { Published } from "../support/audience.ts";
import type { Recipe } from "../support/make-media.ts";
import type { PlayerKind } from "../support/players.ts";
import type { PublisherKind } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { SINCE_JOINED_MS } from "./stage.ts";
import type { Stage } from "./stage.ts";

/** One row of a table: who publishes what, and who plays it, at the same origin and through a relay. */
export interface BroadcastRow {
  readonly publisher: PublisherKind;
  /** Such as `H.264 and AAC`. */
  readonly what: string;
  readonly recipe: Recipe;
  readonly players: readonly PlayerKind[];
}

/**
 * The tests of one row: everybody joins while the publisher is on air; it goes on for two seconds and leaves in
 * order; then each player must have gone by itself, with every frame since the keyframe it began with.
 */
export function describeBroadcast(stage: Stage, row: BroadcastRow): void {
  describe(`${row.publisher.name} publishes ${row.what}`, { skip: missing(row.publisher) }, () => {
    const stream = `live/${row.publisher.name} ${row.what}`.replaceAll(/[^a-z0-9/]+/gi, "-");
    let audience: Audience | undefined;
    let published: Published;

    before(async () => {
      const publisher = await stage.publish(row.publisher, stream, row.recipe);
      audience = new Audience(row.players, stage.places);
      audience.start(stream);
      await audience.settled();
      await publisher.finish(SINCE_JOINED_MS);
      await audience.dispersed();
      published = await stage.published([{ publisher, kind: row.publisher, recipe: row.recipe }]);
    });
    after(() => audience?.stop());

    for (const place of stage.placeNames)
      for (const kind of row.players)
        test(
          `${kind.name} ${place} gets every frame since its first keyframe once and in order`,
          { skip: missing(kind) },
          async () => {
            const seat = audience?.seatOf(kind, place);
            await seat?.progressed();
            await seat?.endsInOrder();
            await seat?.got(published);
          },
        );
  });
}
