import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { Audience } from "../support/audience.ts";
import type { Published } from "../support/audience.ts";
import { IngestAdmin } from "../support/ingest-admin.ts";
import type { Recipe } from "../support/make-media.ts";
import { countByPublication } from "../support/packet-compare.ts";
import type { PlayerKind } from "../support/players.ts";
import type { Publisher } from "../support/publisher.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import type { PublisherKind } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { waitFor } from "../support/wait.ts";
import { SINCE_JOINED_MS, Stage } from "./stage.ts";
import type { Change } from "./succession.ts";

/** One row of a table: an ingest follows an encoder, or an ingest of another source, under the players of a stream. */
export interface IngestSuccessionRow {
  /** What feeds the stream first, at the first origin. */
  readonly first: PublisherKind | "ingest";
  /** Where the ingest runs that follows; at `o1` players at `o2` keep their relay, at `o2` a relay follows it at `o1`. */
  readonly captureAt: "o1" | "o2";
  readonly players: readonly PlayerKind[];
  readonly change?: Change;
  /** Where the clocks of the two sources begin, in ms. */
  readonly clocks?: readonly [number, number];
  /** ms after the end of the first before anybody defines the ingest. Without, it stands by already behind an encoder. */
  readonly gap?: number;
}

const H264_AAC: Recipe = { video: "h264", audio: "aac" };
const WITHIN = 60_000;

/** Two fleets: one that plays, and one whose streams are the sources. */
export class IngestStage {
  readonly source = new Stage();
  readonly stage = new Stage();
  #admin: IngestAdmin | undefined;

  async open(): Promise<void> {
    await this.source.open();
    await this.stage.open({ config: { continuity: { hold: "40s" } } });
    this.#admin = await IngestAdmin.open(this.stage.fleet.redis.url);
  }

  async close(): Promise<void> {
    await this.#admin?.close();
    await this.stage.close();
    await this.source.close();
  }

  get admin(): IngestAdmin {
    if (!this.#admin) throw new Error("the stage was not opened");
    return this.#admin;
  }

  /** Publish at the fleet of the sources, and tell where to pull it. */
  async offer(name: string, recipe: Recipe, clock: number): Promise<{ publisher: Publisher; url: string }> {
    const publisher = await this.source.publish(PUBLISHERS.wire, name, recipe, this.source.home, { clock });
    return { publisher, url: `rtmp://${this.source.home.at.rtmp}/${name}` };
  }
}

function titleOf({ first, captureAt, change, clocks, gap }: IngestSuccessionRow): string {
  return [
    `players stay when an ingest at ${captureAt} follows ${first === "ingest" ? "one of another source" : first.name}`,
    ...(change ? [change.name] : []),
    ...(clocks ? [`with clocks at ${clocks.join(" and ")}`] : []),
    ...(gap ? [`after ${gap / 1000} s`] : []),
  ].join(", ");
}

/** The tests of one row: every player stays attached, and has the frames of both, each once and in order. */
export function describeIngestSuccession(stages: IngestStage, row: IngestSuccessionRow): void {
  const { first: kind, captureAt, players, change, gap = 0 } = row;
  const kinds: readonly PublisherKind[] = kind === "ingest" ? [PUBLISHERS.wire] : [kind];
  describe(titleOf(row), { skip: missing(...kinds) }, () => {
    const stream = `live/${titleOf(row)}`.replaceAll(/[^a-z0-9/]+/gi, "-");
    const recipes: readonly [Recipe, Recipe] = [
      { ...(change?.first ?? H264_AAC), take: 1 },
      { ...(change?.second ?? H264_AAC), take: 2 },
    ];
    const [clock, nextClock] = row.clocks ?? [0, 0];
    let audience: Audience | undefined;
    let published: Published;

    before(async () => {
      const { stage, source, admin } = stages;
      for (const recipe of recipes) await source.prepare(recipe);
      let first: Publisher;
      if (kind === "ingest") {
        const offered = await stages.offer(`${stream}-1`, recipes[0], clock);
        first = offered.publisher;
        await admin.define(stream, { url: offered.url, captureAt: "o1" });
        await stage.fleet.owned(stream, stage.home);
      } else first = await stage.publish(kind, stream, recipes[0], stage.home, { clock });
      audience = new Audience(players, stage.places);
      audience.start(stream);
      await audience.settled();
      const { token } = await stage.fleet.owned(stream, stage.home);

      const { publisher: second, url } = await stages.offer(`${stream}-2`, recipes[1], nextClock);
      const define = () => admin.define(stream, { url, captureAt });
      const standsBy = kind !== "ingest" && gap === 0;
      if (standsBy) {
        await define();
        const report = () => admin.registry.ingests.get(parseStreamKey(stream));
        await waitFor(async () => /an encoder publishes/.test((await report())?.error ?? ""), {
          within: WITHIN,
          what: "the ingest waiting for the encoder",
        });
      }
      await first.die();
      const gone = performance.now();
      await waitFor(() => performance.now() - gone >= gap, { within: WITHIN, what: "the end of the gap" });
      if (!standsBy) await define();
      await waitFor(
        async () => {
          const owner = await stage.fleet.ownerOf(stream);
          return owner?.origin === captureAt && owner.token > token;
        },
        { within: WITHIN, what: "the ingest owning the stream" },
      );
      await second.finish(2 * SINCE_JOINED_MS);
      await audience.dispersed(70_000);
      published = await source.published(
        [
          { publisher: first, kind: kinds[0] as PublisherKind, recipe: recipes[0] },
          { publisher: second, kind: PUBLISHERS.wire, recipe: recipes[1] },
        ],
        SINCE_JOINED_MS,
      );
    });
    after(async () => {
      await audience?.stop();
      await stages.admin.pause(stream);
    });

    for (const place of stages.stage.placeNames)
      for (const player of players)
        test(`${player.name} ${place} goes on with the ingest`, { skip: missing(player) }, async () => {
          const seat = audience?.seatOf(player, place);
          await seat?.progressed();
          await seat?.endsInOrder();
          await seat?.got(published);
          const units = seat?.player.units();
          if (units) assert.ok(countByPublication(published.publications, units).every((count) => count > 0));
        });
  });
}
