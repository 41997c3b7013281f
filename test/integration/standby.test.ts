import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { redisCli } from "../support/redis-cli.ts";
import { MediaLibrary } from "../support/media-library.ts";
import type { Publisher } from "../support/publisher.ts";
import { PUBLISHERS, type PublisherKind } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { WirePlayer } from "../support/wire-player.ts";

const WITHIN = 20_000;

describe("encoders that stand by", () => {
  const library = new MediaLibrary();
  const publishers: Publisher[] = [];
  const players: WirePlayer[] = [];
  let fleet: TestFleet;
  let home: TestOrigin;
  let away: TestOrigin;

  const publish = async (kind: PublisherKind, origin: TestOrigin, stream: string, take: number) => {
    const media = await library.get({ video: "h264", audio: "aac", take, bFrames: false });
    const publisher = kind.publish(origin.at, stream, media);
    publishers.push(publisher);
    return publisher;
  };
  const readyAt = ({ origin }: TestOrigin, stream: string, many = 1) =>
    waitFor(
      () => {
        const report = origin.streams().find((one) => one.stream === stream);
        return report?.standbys.filter(({ ready }) => ready).length === many;
      },
      { within: WITHIN, what: `${many} of ${stream} standing by` },
    );
  const play = (origin: TestOrigin, stream: string) => {
    const player = new WirePlayer(origin.at.rtmp, stream);
    players.push(player);
    return player;
  };
  const goesOn = async (player: WirePlayer, ms: number, what: string) => {
    const from = player.progress ?? 0;
    await waitFor(() => (player.progress ?? 0) > from + ms, { within: WITHIN, what });
  };

  before(async () => {
    const publish = { onDuplicate: "standby", standbys: 2, stall: "1s" } as const;
    const limits = { publisherTimeout: "3s" };
    fleet = await startFleet({ config: { publish, limits, lease: { ttl: "1500ms", renewEvery: "300ms" } } });
    [home, away] = fleet.origins as [TestOrigin, TestOrigin];
  });
  after(async () => {
    await Promise.all(players.map((player) => player.stop()));
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    await fleet?.stop();
    await library.close();
  });

  const kinds: readonly PublisherKind[] = [PUBLISHERS.wire, PUBLISHERS.curl, PUBLISHERS.gstreamer];
  for (const kind of kinds)
    test(`${kind.name} stands by and goes on`, { skip: missing(kind) }, async () => {
      const stream = `live/${kind.name}`.replaceAll(/[^a-z/]+/gi, "-");
      const first = await publish(PUBLISHERS.wire, home, stream, 1);
      const before = await fleet.owned(stream, home);
      const player = play(home, stream);
      await goesOn(player, 300, "media of the first");
      const second = await publish(kind, away, stream, 2);
      await readyAt(away, stream);
      assert.equal((await fleet.ownerOf(stream))?.token, before.token, "nothing has changed");
      await first.die();
      assert.ok((await fleet.owned(stream, away)).token > before.token);
      await goesOn(player, 1_000, "media of the second");
      await second.finish(300);
      assert.equal((await player.exit).code, 0);
    });

  test("one more than are kept ready is refused, and told why", async () => {
    const stream = "live/crowd";
    for (const take of [1, 2, 3]) {
      await publish(PUBLISHERS.wire, home, stream, take);
      if (take === 1) await fleet.owned(stream, home);
      else await readyAt(home, stream, take - 1);
    }
    const client = await WireClient.open(home.at.rtmp);
    await client.connectTo("live", { type: "nonprivate" });
    await client.call("createStream", null);
    client.tell(1, "publish", null, "crowd", "live");
    const { info } = await client.status();
    assert.equal(info["code"], "NetStream.Publish.BadName");
    assert.match(String(info["description"]), /2 other encoders stand by for it at this origin/);
    await client.end();
  });

  test("one that stands by and sends nothing is closed like any other encoder", async () => {
    const stream = "live/idle";
    const first = await publish(PUBLISHERS.wire, home, stream, 1);
    await fleet.owned(stream, home);
    const client = await WireClient.open(home.at.rtmp);
    await client.connectTo("live", { type: "nonprivate" });
    await client.call("createStream", null);
    client.tell(1, "publish", null, "idle", "live");
    assert.equal((await client.status()).info["code"], "NetStream.Publish.Start");
    await client.end(WITHIN);
    assert.ok(first.running);
    await waitFor(() => home.origin.streams().find((one) => one.stream === stream)?.standbys.length === 0, {
      what: "nobody standing by",
    });
  });

  test("the record says what a redis-cli needs to know, and goes with the last encoder", async () => {
    const stream = "live/told";
    const cli = (...command: string[]) => redisCli(fleet.redis.port, undefined, ...command);
    const record = (...fields: string[]) => cli("HMGET", `{holdfast}:stream:${stream}`, ...fields);
    const first = await publish(PUBLISHERS.wire, home, stream, 1);
    await fleet.owned(stream, home);
    const [rank] = (await record("rank")).split("\n");
    assert.ok(Math.abs(Number(rank) - Date.now()) < 60_000, `rank ${rank}`);
    const second = await publish(PUBLISHERS.wire, away, stream, 2);
    await readyAt(away, stream);
    assert.equal(await cli("KEYS", "*told*"), `{holdfast}:stream:${stream}\n`, "a standby has no key");
    await first.die();
    await fleet.owned(stream, away);
    await second.die();
    await waitFor(async () => (await cli("EXISTS", `{holdfast}:stream:${stream}`)) === "0\n", {
      within: WITHIN,
      what: "the record's end",
    });
  });

  test("while Redis hangs, an encoder at the same origin goes on at once, and is registered afterwards", async () => {
    const stream = "live/hung";
    const first = await publish(PUBLISHERS.wire, home, stream, 1);
    const before = await fleet.owned(stream, home);
    await publish(PUBLISHERS.wire, home, stream, 2);
    await readyAt(home, stream);
    const player = play(home, stream);
    await goesOn(player, 300, "media of the first");
    fleet.redis.pause();
    try {
      await waitFor(async () => (await fetch(`http://${home.at.http}/readyz`)).status === 503, {
        within: WITHIN,
        what: "the origin missing its Redis",
      });
      await first.die();
      await goesOn(player, 2_500, "media of the second");
    } finally {
      fleet.redis.resume();
    }
    await waitFor(async () => ((await fleet.ownerOf(stream))?.token ?? 0) > before.token, {
      within: WITHIN,
      what: "a greater token",
    });
    assert.equal((await fleet.ownerOf(stream))?.origin, home.name);
    await goesOn(player, 500, "media after that");
  });
});
