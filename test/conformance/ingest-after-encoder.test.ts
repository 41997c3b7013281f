import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { parseStreamKey } from "../../src/domain/stream-key.ts";
import { Audience } from "../support/audience.ts";
import type { Published } from "../support/audience.ts";
import { IngestAdmin } from "../support/ingest-admin.ts";
import { countByPublication } from "../support/packet-compare.ts";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import type { PublisherKind } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { waitFor } from "../support/wait.ts";
import { SINCE_JOINED_MS, Stage } from "./stage.ts";

const FIRST = { video: "h264", audio: "aac", take: 1 } as const;
const SECOND = { video: "h264", audio: "aac", take: 2 } as const;
const KINDS = playerKinds("ffmpeg", "rtmpdump", "gstreamer", "curl", "webSocket", "wire");
const WITHIN = 60_000;

/** What publishes the stream first, and where the ingest runs that follows. */
const ROWS: readonly { readonly kind: PublisherKind; readonly captureAt: "o1" | "o2" }[] = [
  { kind: PUBLISHERS.wire, captureAt: "o2" },
  { kind: PUBLISHERS.curl, captureAt: "o1" },
];

for (const { kind, captureAt } of ROWS)
  describe(
    `players stay when an ingest at ${captureAt} follows ${kind.name}`,
    { skip: missing(kind) },
    () => {
      /** Another fleet, whose stream is the source. */
      const source = new Stage();
      const stage = new Stage();
      const stream = `live/after-${captureAt}`;
      let admin: IngestAdmin | undefined;
      let audience: Audience | undefined;
      let published: Published;

      const report = () => admin?.registry.ingests.get(parseStreamKey(stream));

      before(async () => {
        await source.open();
        await source.prepare(SECOND);
        await stage.open({ config: { continuity: { hold: "15s" } } });
        admin = await IngestAdmin.open(stage.fleet.redis.url);
        const first = await stage.publish(kind, stream, FIRST);
        audience = new Audience(KINDS, stage.places);
        audience.start(stream);
        await audience.settled();
        const second = await source.publish(PUBLISHERS.wire, "live/second", SECOND);
        await admin.define(stream, { url: `rtmp://${source.home.at.rtmp}/live/second`, captureAt });
        await waitFor(async () => /an encoder publishes/.test((await report())?.error ?? ""), {
          within: WITHIN,
          what: "the ingest waiting for the encoder",
        });
        const { token } = await stage.fleet.owned(stream, stage.home);
        await first.die();
        await waitFor(
          async () => {
            const owner = await stage.fleet.ownerOf(stream);
            return owner?.origin === captureAt && owner.token > token;
          },
          { within: WITHIN, what: "the ingest owning the stream" },
        );
        const followedAt = second.position;
        await waitFor(() => second.position > followedAt + SINCE_JOINED_MS, {
          within: WITHIN,
          what: "media",
        });
        await second.finish(followedAt + SINCE_JOINED_MS);
        await audience.dispersed(45_000);
        published = await source.published(
          [
            { publisher: first, kind, recipe: FIRST },
            { publisher: second, kind: PUBLISHERS.wire, recipe: SECOND },
          ],
          SINCE_JOINED_MS,
        );
      });
      after(async () => {
        await audience?.stop();
        await admin?.close();
        await stage.close();
        await source.close();
      });

      for (const place of stage.placeNames)
        for (const player of KINDS)
          test(`${player.name} ${place} goes on with the ingest`, { skip: missing(player) }, async () => {
            const seat = audience?.seatOf(player, place);
            await seat?.progressed();
            await seat?.endsInOrder();
            await seat?.got(published);
            const units = seat?.player.units();
            if (units)
              assert.ok(countByPublication(published.publications, units).every((count) => count > 0));
          });
    },
  );
