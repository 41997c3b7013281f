import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import type { FlvTag } from "../support/flv-file.ts";
import { IngestAdmin } from "../support/ingest-admin.ts";
import { MediaLibrary } from "../support/media-library.ts";
import type { Player } from "../support/player.ts";
import { PLAYERS, type PlayerName } from "../support/players.ts";
import { startFleet, type FleetOptions, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { WirePublisher } from "../support/wire-publisher.ts";
import { serveMortal } from "../conformance/mortal.ts";

const WITHIN = 30_000;
const MORTAL = { HOLDFAST_LEASE__TTL: "2s", HOLDFAST_LEASE__RENEW_EVERY: "300ms" };
const QUICK = { lease: { ttl: "2s", renewEvery: "300ms" }, ingest: { retryMin: "200ms", retryMax: "1s" } };

describe("plays of ingests, with a real Redis and real sources", () => {
  const library = new MediaLibrary();
  let media: readonly FlvTag[];
  /** Another fleet, whose streams are the sources. */
  let source: TestFleet;
  let fleet: TestFleet;
  let admin: IngestAdmin;
  const players: Player[] = [];
  const publishers: WirePublisher[] = [];

  const sourceOrigin = () => source.origins[0] as TestOrigin;
  const originAt = (number: number) => fleet.origins[number] as TestOrigin;
  const urlOf = (stream: string) => `rtmp://${sourceOrigin().at.rtmp}/${stream}`;
  /** Connections that the source has. */
  const pulls = (stream: string) =>
    sourceOrigin()
      .origin.streams()
      .find((one) => one.stream === stream)?.players ?? 0;
  const stateAt = ({ origin }: TestOrigin, stream: string) =>
    origin.streams().find((one) => one.stream === stream)?.state;
  const play = (kind: PlayerName, origin: TestOrigin, stream: string) => {
    const player = PLAYERS[kind].play(origin.at, stream);
    players.push(player);
    return player;
  };
  const comeUp = async (stream: string) => {
    publishers.push(new WirePublisher(sourceOrigin().at.rtmp, stream, media));
    await source.owned(stream, sourceOrigin());
  };
  const gets = (player: Player, ms: number, what: string) => {
    const from = player.progress ?? 0;
    return waitFor(() => player.progress !== undefined && player.progress > from + ms, {
      within: WITHIN,
      what,
    });
  };
  const open = async (options: FleetOptions = {}) => {
    fleet = await startFleet({ ...options, config: { ...QUICK, ...options.config } });
    admin = await IngestAdmin.open(fleet.redis.url);
  };

  before(async () => {
    media = await library.get({ video: "h264", audio: "aac", take: 1, bFrames: false });
  });
  after(() => library.close());
  beforeEach(async () => {
    source = await startFleet({ origins: 1 });
  });
  afterEach(async () => {
    await Promise.all(players.splice(0).map((player) => player.stop()));
    await Promise.all(publishers.splice(0).map((publisher) => publisher.stop()));
    await admin?.close();
    await fleet?.stop();
    await source?.stop();
  });

  test("players of a source that is not up yet are held at every origin, and get it when it is", async () => {
    await open({ config: { continuity: { hold: "60s" } } });
    await admin.define("live/late", { url: urlOf("live/late") });
    const all = fleet.origins.flatMap((origin) =>
      (["wire", "curl", "webSocket"] as const).map((kind) => play(kind, origin, "live/late")),
    );
    const held = () => fleet.origins.every((origin) => stateAt(origin, "live/late") === "held");
    await waitFor(held, { within: WITHIN, what: "players on hold" });
    assert.ok(all.every(({ running, progress }) => running && progress === undefined));
    await comeUp("live/late");
    for (const player of all) await gets(player, 500, "media");
    assert.equal(pulls("live/late"), 1);
    const states = fleet.origins.map((origin) => stateAt(origin, "live/late")).sort();
    assert.deepEqual(states, ["ingested", "relayed"]);
  });

  test("a source on demand is pulled with its first play, once, and not long after its last", async () => {
    await open({ config: { ingest: { ...QUICK.ingest, idleStop: "1s" }, relay: { idleStop: "1s" } } });
    await comeUp("live/wanted");
    await admin.define("live/wanted", { url: urlOf("live/wanted"), onDemand: true });
    // Long enough for a planner to have placed it, were it not on demand.
    await waitFor(async () => (await admin.registry.ingests.plan()).term > 0, {
      within: WITHIN,
      what: "a plan",
    });
    assert.equal(pulls("live/wanted"), 0);
    const near = play("wire", originAt(0), "live/wanted");
    const far = play("wire", originAt(1), "live/wanted");
    await gets(near, 500, "media at one origin");
    await gets(far, 500, "media at the other");
    assert.equal(pulls("live/wanted"), 1);
    // One of them is relayed: it alone must keep the pull alive, for longer than a demand lasts.
    const [home, away] = stateAt(originAt(0), "live/wanted") === "ingested" ? [near, far] : [far, near];
    await home.stop();
    await gets(away, 5_000, "media for the player that is relayed");
    assert.equal(pulls("live/wanted"), 1);
    await away.stop();
    await waitFor(() => pulls("live/wanted") === 0, { within: WITHIN, what: "the pull ending" });
    const again = play("curl", originAt(1), "live/wanted");
    await gets(again, 500, "media once more");
  });

  test("a play right after the owner was killed is told to start, and gets what another origin pulls", async () => {
    await open({ origins: 1, config: { continuity: { hold: "60s" } } });
    const home = await mkdtemp(join(tmpdir(), "holdfast-mortal-"));
    const { process } = await serveMortal(fleet, home, MORTAL);
    try {
      await comeUp("live/orphan");
      await admin.define("live/orphan", { url: urlOf("live/orphan"), captureAt: "mortal" });
      const owned = async () => (await fleet.ownerOf("live/orphan"))?.origin === "mortal";
      await waitFor(owned, { within: WITHIN, what: "the other origin owning it" });
      const early = play("wire", originAt(0), "live/orphan");
      await gets(early, 500, "media through a relay");
      process.child.kill("SIGKILL");
      const late = play("rtmpdump", originAt(0), "live/orphan");
      await gets(early, 2_000, "media after the death");
      await gets(late, 500, "media for who came after it");
      assert.equal(stateAt(originAt(0), "live/orphan"), "ingested");
    } finally {
      await process.kill();
      await rm(home, { recursive: true, force: true });
    }
  });

  test("a play of a stream whose ingest was paused is refused at once", async () => {
    await open();
    await admin.define("live/paused", { url: urlOf("live/paused") });
    await admin.pause("live/paused");
    const player = play("wire", originAt(0), "live/paused");
    assert.match((await player.exit).said, /StreamNotFound/);
    const answer = await fetch(`http://${originAt(0).at.http}/live/paused.flv`);
    assert.equal(answer.status, 404);
  });
});
