import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { MediaLibrary } from "../support/media-library.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { WirePlayer } from "../support/wire-player.ts";
import { WirePublisher } from "../support/wire-publisher.ts";

const WITHIN = 30_000;
const PLAIN = "live/plain";
const SMOOTH = "live/smooth";

describe("moves of ingests between origins, with a real Redis and real sources", () => {
  const library = new MediaLibrary();
  const players: WirePlayer[] = [];
  const publishers: WirePublisher[] = [];
  let source: TestFleet;
  let fleet: TestFleet;

  const at = () => source.origins[0] as TestOrigin;
  /** How many connections the source of a stream has. */
  const pulls = (stream: string) =>
    at()
      .origin.streams()
      .find((one) => one.stream === stream)?.players ?? 0;
  const ownerOf = (stream: string) =>
    fleet.origins.find(({ origin }) =>
      origin.streams().some((one) => one.stream === stream && one.state === "ingested"),
    );
  const play = async (origin: TestOrigin, stream: string) => {
    const player = new WirePlayer(origin.at.rtmp, stream);
    players.push(player);
    await waitFor(() => (player.progress ?? 0) > 200, { within: WITHIN, what: "media" });
    return player;
  };
  const move = async (stream: string, to: TestOrigin) => {
    const url = `http://${to.at.api}/api/fleet/v1/ingests/${stream}/move?origin=${to.name}`;
    const answer = await fetch(url, { method: "POST" });
    assert.ok(answer.ok, `${answer.status} ${await answer.text()}`);
  };
  /** Note the longest pause of a player, and the most connections of a source, until `done` is called. */
  const watch = (player: WirePlayer, stream: string) => {
    let [gap, most, last, progress] = [0, 0, performance.now(), player.progress];
    const timer = setInterval(() => {
      most = Math.max(most, pulls(stream));
      const now = performance.now();
      if (player.progress !== progress) [last, progress] = [now, player.progress];
      gap = Math.max(gap, now - last);
    }, 5);
    return {
      done: () => {
        clearInterval(timer);
        return { gap: Math.round(gap), most };
      },
    };
  };

  before(async () => {
    source = await startFleet({ origins: 1 });
    const { rtmp } = at().at;
    const media = await library.get({ video: "h264", audio: "aac", take: 1, bFrames: false });
    for (const stream of [PLAIN, SMOOTH]) publishers.push(new WirePublisher(rtmp, stream, media));
    for (const stream of [PLAIN, SMOOTH]) await source.owned(stream, at());
    const ingests = [
      { stream: PLAIN, url: `rtmp://${rtmp}/${PLAIN}` },
      { stream: SMOOTH, url: `rtmp://${rtmp}/${SMOOTH}`, overlap: true },
    ];
    const drain = { settle: "0s", encoderGrace: "500ms", deadline: "20s" } as const;
    fleet = await startFleet({ origins: 3, config: { ingests, drain } });
    for (const stream of [PLAIN, SMOOTH])
      await waitFor(() => ownerOf(stream), { within: WITHIN, what: `${stream} being live` });
  });
  after(async () => {
    await Promise.all(players.map((player) => player.stop()));
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    await fleet?.stop();
    await source?.stop();
    await library.close();
  });

  for (const [stream, connections] of [
    [PLAIN, 1],
    [SMOOTH, 2],
  ] as const)
    test(`${stream} moves where an operator wants it, with ${connections} connections at most`, async (t) => {
      const owner = ownerOf(stream);
      const [target, third] = fleet.origins.filter((one) => one !== owner) as [TestOrigin, TestOrigin];
      const player = await play(third, stream);
      t.after(() => player.stop());
      const watching = watch(player, stream);
      await move(stream, target);
      await waitFor(() => ownerOf(stream) === target, { within: WITHIN, what: "the move" });
      const before = player.progress ?? 0;
      await waitFor(() => (player.progress ?? 0) > before + 300, { within: WITHIN, what: "more media" });
      const { gap, most } = watching.done();
      t.diagnostic(`longest pause at a third origin: ${gap} ms`);
      assert.equal(most, connections);
      assert.equal(pulls(stream), 1);
      assert.ok(player.running);
      assert.ok(gap < 5_000, `${gap} ms`);
    });

  test("a drain hands all over: players at the others see a short pause", async (t) => {
    const owner = ownerOf(PLAIN);
    assert.ok(owner);
    const other = fleet.origins.find((one) => one !== owner && one !== ownerOf(SMOOTH)) as TestOrigin;
    const player = await play(other, PLAIN);
    t.after(() => player.stop());
    const watching = watch(player, PLAIN);
    assert.equal(await owner.origin.drain({ final: true }), "empty");
    assert.notEqual(ownerOf(PLAIN), owner);
    await waitFor(() => ownerOf(PLAIN), { within: WITHIN, what: "the next owner" });
    const before = player.progress ?? 0;
    await waitFor(() => (player.progress ?? 0) > before + 300, { within: WITHIN, what: "more media" });
    const { gap, most } = watching.done();
    t.diagnostic(`longest pause: ${gap} ms`);
    assert.equal(most, 1);
    assert.ok(player.running);
    assert.ok(gap < 5_000, `${gap} ms`);
  });
});
