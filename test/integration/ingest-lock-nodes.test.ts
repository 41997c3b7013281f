import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { MediaLibrary } from "../support/media-library.ts";
import { redisCli } from "../support/redis-cli.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { startRedis, type TestRedis } from "../support/start-redis.ts";
import { waitFor } from "../support/wait.ts";
import { WirePublisher } from "../support/wire-publisher.ts";

const WITHIN = 40_000;
const NAMES = ["a", "b", "c", "d"].map((name) => `live/${name}`);

describe("ingests whose leases live on three lock nodes", () => {
  const library = new MediaLibrary();
  const publishers: WirePublisher[] = [];
  const nodes: TestRedis[] = [];
  const replaced: TestRedis[] = [];
  let source: TestFleet;
  let fleet: TestFleet;
  let watch: NodeJS.Timeout | undefined;
  /** The most connections that a source ever had at once. */
  let most = 0;

  const pulls = () => (source.origins[0] as TestOrigin).origin.streams().map(({ players }) => players);
  const live = () =>
    fleet.origins.flatMap(({ origin }) => origin.streams().filter(({ state }) => state === "ingested"));
  const allLive = (what: string) =>
    waitFor(() => live().length === NAMES.length && pulls().every((count) => count === 1), {
      within: WITHIN,
      what,
    });
  const begun = async () => {
    const events = await redisCli(fleet.redis.port, undefined, "XRANGE", "{holdfast}:events", "-", "+");
    return events.split("ingest-begun").length - 1;
  };
  const leasesOn = async (node: TestRedis) => {
    const keys = NAMES.map((stream) => `{holdfast}:lease:${stream}`);
    const values = await redisCli(node.port, undefined, "MGET", ...keys);
    return values.split("\n").filter((value) => /@\d+#\d+$/.test(value)).length;
  };
  const replace = async (index: number) => {
    const former = nodes[index] as TestRedis;
    await former.kill();
    replaced.push(former);
    const node = (nodes[index] = await startRedis({ port: former.port }));
    await waitFor(async () => (await leasesOn(node)) === NAMES.length, {
      within: WITHIN,
      what: `all leases at node ${index + 1} again`,
    });
  };

  before(async () => {
    source = await startFleet({ origins: 1 });
    const { rtmp } = (source.origins[0] as TestOrigin).at;
    const media = await library.get({ video: "h264", audio: "aac", take: 1, bFrames: false });
    for (const stream of NAMES) publishers.push(new WirePublisher(rtmp, stream, media));
    for (const stream of NAMES) await source.owned(stream, source.origins[0] as TestOrigin);
    nodes.push(...(await Promise.all([1, 2, 3].map(() => startRedis()))));
    fleet = await startFleet({
      config: {
        ingests: NAMES.map((stream) => ({ stream, url: `rtmp://${rtmp}/${stream}` })),
        lease: { ttl: "4s", renewEvery: "300ms" },
        redis: { lockNodes: nodes.map(({ url }) => url) },
        ingest: { retryMin: "200ms" },
      },
    });
    watch = setInterval(() => (most = Math.max(most, ...pulls())), 5);
  });
  after(async () => {
    clearInterval(watch);
    await fleet?.stop();
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    await source?.stop();
    await Promise.all([...nodes, ...replaced].map((node) => node.stop()));
    await library.close();
  });

  test("each is pulled once, and no lease is in the registry", async () => {
    await allLive("all ingests being live");
    for (const node of nodes) await waitFor(async () => (await leasesOn(node)) === NAMES.length);
    assert.equal(await leasesOn(fleet.redis), 0);
  });

  test("the loss of one node, and empty returns of all one by one, move nothing", async () => {
    const before = await begun();
    for (const index of nodes.keys()) await replace(index);
    await allLive("all ingests being live still");
    assert.equal(await begun(), before, "nothing was begun anew");
    assert.equal(most, 1);
  });

  test("without a quorum all stop, and all begin again with it", async () => {
    const before = await begun();
    nodes[0]?.pause();
    nodes[1]?.pause();
    await waitFor(() => pulls().every((count) => count === 0), { within: WITHIN, what: "the fence" });
    nodes[0]?.resume();
    nodes[1]?.resume();
    await allLive("all ingests being live again");
    assert.ok((await begun()) > before);
    assert.equal(most, 1);
  });

  test("an origin that goes leaves its ingests to the other", async () => {
    await fleet.origins[1]?.origin.stop();
    await allLive("all ingests being live at one origin");
    assert.equal(most, 1, "no source was pulled twice at any time");
  });
});
