import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { MediaLibrary } from "../support/media-library.ts";
import { redisCli } from "../support/redis-cli.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { WirePlayer } from "../support/wire-player.ts";
import { WirePublisher } from "../support/wire-publisher.ts";

const WITHIN = 30_000;
const NAMES = ["a", "b", "c", "d", "e", "f"].map((name) => `live/${name}`);

describe("ingests of a fleet with a real Redis and real sources", () => {
  const library = new MediaLibrary();
  const players: WirePlayer[] = [];
  const publishers: WirePublisher[] = [];
  /** The origin of another fleet, whose streams are the sources. */
  let source: TestFleet;
  let fleet: TestFleet;
  let first: TestOrigin;
  let second: TestOrigin;

  const ingestedBy = ({ origin }: TestOrigin) =>
    origin
      .streams()
      .filter(({ state }) => state === "ingested")
      .map(({ stream }) => stream as string)
      .sort();
  const play = (origin: TestOrigin, stream: string) => {
    const player = new WirePlayer(origin.at.rtmp, stream);
    players.push(player);
    return player;
  };
  const goesOn = async (player: WirePlayer, ms: number, what: string) => {
    const from = player.progress ?? 0;
    await waitFor(() => (player.progress ?? 0) > from + ms, { within: WITHIN, what });
  };
  /** How many connections each source has. */
  const pulls = () => (source.origins[0] as TestOrigin).origin.streams().map(({ players }) => players);

  before(async () => {
    source = await startFleet({ origins: 1 });
    const { rtmp } = (source.origins[0] as TestOrigin).at;
    const media = await library.get({ video: "h264", audio: "aac", take: 1, bFrames: false });
    for (const stream of NAMES) publishers.push(new WirePublisher(rtmp, stream, media));
    for (const stream of NAMES) await source.owned(stream, source.origins[0] as TestOrigin);
    const ingests = NAMES.map((stream) => ({ stream, url: `rtmp://user:secret@${rtmp}/${stream}` }));
    const lease = { ttl: "2s", renewEvery: "300ms" };
    fleet = await startFleet({ config: { ingests, lease, ingest: { retryMin: "200ms" } } });
    [first, second] = fleet.origins as [TestOrigin, TestOrigin];
  });
  after(async () => {
    await Promise.all(players.map((player) => player.stop()));
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    await fleet?.stop();
    await source?.stop();
    await library.close();
  });

  test("every source is pulled once, by either origin as often as by the other", async () => {
    await waitFor(() => ingestedBy(first).length + ingestedBy(second).length === NAMES.length, {
      within: WITHIN,
      what: "all ingests being live",
    });
    assert.deepEqual([ingestedBy(first).length, ingestedBy(second).length], [3, 3]);
    assert.deepEqual(pulls(), [1, 1, 1, 1, 1, 1]);
    const events = await redisCli(fleet.redis.port, undefined, "XRANGE", "{holdfast}:events", "-", "+");
    assert.match(events, /ingest-live/);
    assert.ok(!events.includes("secret"));
  });

  test("when an origin goes, the other pulls what it had, and its own players stay", async () => {
    const [moved] = ingestedBy(second);
    assert.ok(moved);
    const player = play(first, moved);
    await goesOn(player, 200, "media through a relay");
    const own = play(first, ingestedBy(first)[0] as string);
    await goesOn(own, 200, "media of an ingest");
    await second.origin.stop();
    await waitFor(() => ingestedBy(first).length === NAMES.length, { within: WITHIN, what: "the move" });
    await goesOn(player, 300, "media after the move");
    assert.ok(player.running);
    assert.deepEqual(pulls(), [1, 1, 1, 1, 1, 1]);
  });
});
