import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Audience } from "../support/audience.ts";
import type { Published } from "../support/audience.ts";
import { IngestAdmin } from "../support/ingest-admin.ts";
import { countByPublication } from "../support/packet-compare.ts";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { runHoldfast } from "../support/run-holdfast.ts";
import type { Holdfast } from "../support/run-holdfast.ts";
import { missing } from "../support/run-program.ts";
import { waitFor } from "../support/wait.ts";
import { serveMortal } from "./mortal.ts";
import { AWAY, HOME, SINCE_JOINED_MS, Stage, THIRD } from "./stage.ts";

const FIRST = { video: "h264", audio: "aac", take: 1 } as const;
const SECOND = { video: "h264", audio: "aac", take: 2 } as const;
const KINDS = playerKinds("ffmpeg", "rtmpdump", "gstreamer", "mpv", "curl", "webSocket", "wire");
const WITHIN = 60_000;
const LEASE = { ttl: "2s", renewEvery: "300ms" };
const MORTAL = { HOLDFAST_LEASE__TTL: LEASE.ttl, HOLDFAST_LEASE__RENEW_EVERY: LEASE.renewEvery };
const STREAM = "live/cam";

/** One way in which an ingest changes its owner. */
interface Row {
  readonly name: string;
  readonly overlap: boolean;
  /** Where the ingest runs first: there its URL is pulled, elsewhere its fallback, which tells the two apart. */
  readonly owner: "o1" | "mortal";
  readonly places: readonly string[];
}

const ROWS: readonly Row[] = [
  { name: "is moved", overlap: false, owner: "o1", places: [HOME, AWAY, THIRD] },
  { name: "is moved with overlap", overlap: true, owner: "o1", places: [HOME, AWAY, THIRD] },
  { name: "loses its owner to kill -9", overlap: false, owner: "mortal", places: [HOME, AWAY] },
];

for (const { name, overlap, owner, places } of ROWS)
  describe(`players of every kind stay while an ingest ${name}`, () => {
    /** Another fleet, whose streams are the sources. */
    const source = new Stage();
    const stage = new Stage(places.length === 3 ? 3 : 2);
    const kind = PUBLISHERS.wire;
    let home: string;
    let admin: IngestAdmin | undefined;
    let mortal: Holdfast | undefined;
    let audience: Audience | undefined;
    let published: Published;
    let said = "";

    const urlOf = (stream: string) => `rtmp://${source.home.at.rtmp}/${stream}`;
    const ownedBy = (origin: string) =>
      waitFor(async () => (await stage.fleet.ownerOf(STREAM))?.origin === origin, {
        within: WITHIN,
        what: `${origin} owning the stream`,
      });
    const move = async () => {
      const args = ["ingests", "move", STREAM, "o2", "--wait", "60s", "--redis-url", stage.fleet.redis.url];
      const { code, stdout, stderr } = await runHoldfast(args, { home }).ended;
      assert.equal(code, 0, stderr);
      said = stdout;
    };
    const kill = async () => {
      mortal?.child.kill("SIGKILL");
      await waitFor(
        async () => {
          const now = (await stage.fleet.ownerOf(STREAM))?.origin;
          return now !== undefined && now !== "mortal";
        },
        { within: WITHIN, what: "another owner" },
      );
    };

    before(async () => {
      home = await mkdtemp(join(tmpdir(), "holdfast-ingest-"));
      await source.open();
      await source.prepare(SECOND);
      // Long enough for a death to be noticed on a busy machine.
      await stage.open({ config: { lease: LEASE, continuity: { hold: "12s" } } });
      if (owner === "mortal") mortal = (await serveMortal(stage.fleet, home, MORTAL)).process;
      const first = await source.publish(kind, "live/first", FIRST);
      admin = await IngestAdmin.open(stage.fleet.redis.url);
      const fallback = [urlOf("live/second")];
      await admin.define(STREAM, { url: urlOf("live/first"), captureAt: owner, fallback, overlap });
      await ownedBy(owner);
      audience = new Audience(KINDS, stage.places);
      audience.start(STREAM);
      await audience.settled();
      const second = await source.publish(kind, "live/second", SECOND);
      await (owner === "mortal" ? kill() : move());
      // At home it would begin again after its rest, or when the second one ends.
      await first.die();
      const movedAt = second.position;
      await waitFor(() => second.position > movedAt + SINCE_JOINED_MS, { within: WITHIN, what: "media" });
      await second.finish(movedAt + SINCE_JOINED_MS);
      await audience.dispersed(45_000);
      published = await source.published(
        [
          { publisher: first, kind, recipe: FIRST },
          { publisher: second, kind, recipe: SECOND },
        ],
        SINCE_JOINED_MS,
      );
    });
    after(async () => {
      await audience?.stop();
      await mortal?.kill();
      await admin?.close();
      await stage.close();
      await source.close();
      await rm(home, { recursive: true, force: true });
    });

    if (owner !== "mortal")
      test("the command says how long it took", () => {
        assert.match(said, /^live\/cam was moved from o1 to o2 in [\d.]+s$/m);
      });
    for (const place of places)
      for (const player of KINDS)
        test(
          `${player.name} ${place} has every frame of both pulls once and in order`,
          { skip: missing(player) },
          async () => {
            const seat = audience?.seatOf(player, place);
            await seat?.progressed();
            await seat?.endsInOrder();
            await seat?.got(published);
            const units = seat?.player.units();
            if (units)
              assert.ok(countByPublication(published.publications, units).every((count) => count > 0));
          },
        );
  });
