import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { MediaLibrary } from "../support/media-library.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";
import { WirePublisher } from "../support/wire-publisher.ts";

const WITHIN = 40_000;
const STREAMS = ["a", "b", "c", "d"].map((name) => `live/${name}`);
const TTL_MS = 2_000;

describe("ingests while Redis is away", () => {
  const library = new MediaLibrary();
  const publishers: WirePublisher[] = [];
  const nodes: TestRedis[] = [];
  const fleets: TestFleet[] = [];
  let source: TestFleet;

  const at = () => source.origins[0] as TestOrigin;
  /** How many connections all sources have together, and the most that one has. */
  const pulls = () => {
    const counts = at()
      .origin.streams()
      .map(({ players }) => players);
    return { all: counts.reduce((sum, count) => sum + count, 0), most: Math.max(...counts) };
  };
  const live = ({ origins }: TestFleet) =>
    origins.flatMap(({ origin }) => origin.streams().filter(({ state }) => state === "ingested")).length;
  const allLive = (fleet: TestFleet) =>
    waitFor(() => live(fleet) === STREAMS.length && pulls().all === STREAMS.length, {
      within: WITHIN,
      what: "all ingests being live, once each",
    });
  const start = async (lockNodes: readonly string[]) => {
    const { rtmp } = at().at;
    const ingests = STREAMS.map((stream) => ({ stream, url: `rtmp://${rtmp}/${stream}` }));
    const lease = { ttl: `${TTL_MS}ms`, renewEvery: "300ms" };
    const fleet = await startFleet({ config: { ingests, lease, redis: { lockNodes: [...lockNodes] } } });
    fleets.push(fleet);
    await allLive(fleet);
    return fleet;
  };

  before(async () => {
    source = await startFleet({ origins: 1 });
    const media = await library.get({ video: "h264", audio: "aac", take: 1, bFrames: false });
    for (const stream of STREAMS) publishers.push(new WirePublisher(at().at.rtmp, stream, media));
    for (const stream of STREAMS) await source.owned(stream, at());
  });
  after(async () => {
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    await Promise.all(fleets.map((fleet) => fleet.stop()));
    await Promise.all(nodes.map((node) => node.stop()));
    await source?.stop();
    await library.close();
  });

  test("with one Redis that hangs all pulls end before their leases do, and begin again with it", async () => {
    const fleet = await start([]);
    const watch = { most: 0 };
    const timer = setInterval(() => (watch.most = Math.max(watch.most, pulls().most)), 5);
    fleet.redis.pause();
    const began = performance.now();
    await waitFor(() => pulls().all === 0, { within: WITHIN, what: "all pulls having ended" });
    const took = performance.now() - began;
    assert.ok(took < TTL_MS + 2_000, `${Math.round(took)} ms`);
    fleet.redis.resume();
    await allLive(fleet);
    clearInterval(timer);
    assert.equal(watch.most, 1);
    await fleet.stop();
  });

  test("with three lock nodes one may die and come back empty: nothing stops, nothing moves", async () => {
    for (let i = 0; i < 3; i++) nodes.push(await startRedis());
    const fleet = await start(nodes.map(({ url }) => url));
    const [node] = nodes as [TestRedis];
    const tokens = () => fleet.origins.map(({ origin }) => origin.streams().map(({ token }) => token));
    const first = tokens();
    /** Looked at all the while: leases that are not renewed would be over after one TTL. */
    const nothingHappens = async () => {
      const until = performance.now() + 2 * TTL_MS;
      const seen = new Set<string>();
      const look = () => {
        seen.add(JSON.stringify(pulls()));
        return performance.now() > until;
      };
      await waitFor(look, { within: 4 * TTL_MS, what: "two TTLs" });
      assert.deepEqual([...seen], [JSON.stringify({ all: STREAMS.length, most: 1 })]);
      assert.deepEqual(tokens(), first);
    };
    await node.kill();
    await nothingHappens();
    nodes.push(await startRedis({ port: node.port }));
    await nothingHappens();
  });
});
