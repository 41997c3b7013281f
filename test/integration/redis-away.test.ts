import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { MediaLibrary } from "../support/media-library.ts";
import { startFleet, type Owner, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";
import { WirePlayer } from "../support/wire-player.ts";
import { WirePublisher } from "../support/wire-publisher.ts";

const STREAM = "live/on-air";
const LEASE = { ttl: "1500ms", renewEvery: "300ms" } as const;

describe("Redis dies under a live fleet and comes back empty", () => {
  const library = new MediaLibrary();
  let fleet: TestFleet;
  let home: TestOrigin;
  let away: TestOrigin;
  let publisher: WirePublisher;
  let atHome: WirePlayer;
  let atAway: WirePlayer;
  let firstOwner: Owner;
  let returned: TestRedis | undefined;
  const players: WirePlayer[] = [];

  const play = (origin: TestOrigin, stream = STREAM) => {
    const player = new WirePlayer(origin.at.rtmp, stream);
    players.push(player);
    return player;
  };
  const ready = async ({ at }: TestOrigin) => (await fetch(`http://${at.http}/readyz`)).status;
  const goOn = async (player: WirePlayer, ms: number, what: string) => {
    const from = player.progress ?? 0;
    await waitFor(() => (player.progress ?? 0) > from + ms, { within: 20_000, what });
  };

  before(async () => {
    fleet = await startFleet({ config: { lease: LEASE } });
    [home, away] = fleet.origins as [TestOrigin, TestOrigin];
    publisher = new WirePublisher(home.at.rtmp, STREAM, await library.get({ video: "h264", audio: "aac" }));
    firstOwner = await fleet.owned(STREAM, home);
    [atHome, atAway] = [play(home), play(away)];
    await goOn(atHome, 500, "media at the owner");
    await goOn(atAway, 500, "media through the relay");
    await fleet.redis.kill();
    await waitFor(async () => (await ready(home)) === 503 && (await ready(away)) === 503, {
      what: "both origins saying that they take no new streams",
    });
  });
  after(async () => {
    await Promise.all(players.map((player) => player.stop()));
    await publisher?.stop();
    await fleet?.stop();
    await returned?.stop();
    await library.close();
  });

  test("the encoder and its players at both origins go on for longer than any lease", async () => {
    await Promise.all([
      goOn(atHome, 4_000, "media at the owner"),
      goOn(atAway, 4_000, "media through the relay"),
    ]);
    assert.ok(publisher.running);
  });

  test("a stream that an origin has is still played there by newcomers", async () => {
    await Promise.all(
      [home, away].map((origin) => goOn(play(origin), 200, `media for a newcomer at ${origin.name}`)),
    );
  });

  test("an unknown stream is refused, and no origin waits for Redis for ever", async () => {
    const { code, said } = await play(away, "live/nobody-knows").exit;
    assert.equal(code, 1);
    assert.match(said, /NetStream\.Play\.Failed/);
  });

  test("everything is registered again when Redis is back, under greater numbers, and nobody noticed", async () => {
    returned = await startRedis({ port: fleet.redis.port });
    const owner = await fleet.owned(STREAM, home);
    assert.ok(owner.token > firstOwner.token);
    await waitFor(async () => (await ready(home)) === 200 && (await ready(away)) === 200, {
      what: "both origins being ready again",
    });
    await Promise.all([
      goOn(atHome, 500, "media at the owner"),
      goOn(atAway, 500, "media through the relay"),
    ]);
    assert.ok(publisher.running);
    const times = atAway.tags.filter(({ type }) => type !== 18).map(({ timestamp }) => timestamp);
    assert.deepEqual(
      [...times].sort((a, b) => a - b),
      times,
      "timestamps never go back",
    );
  });
});
