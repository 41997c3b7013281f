import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { MediaLibrary } from "../support/media-library.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { WirePublisher } from "../support/wire-publisher.ts";

const TOKEN = "a-token-of-sufficient-length";
const PATH = "/api/fleet/v1/ingests/live/cam";
const WITHIN = 30_000;

/** What of an ingest is looked at here. */
interface Shown {
  readonly state: string;
  readonly owner: string;
  readonly url: string;
  readonly moveTo: string;
  readonly code?: string;
}

describe("ingests by the API of a fleet with a real Redis and a real source", () => {
  const library = new MediaLibrary();
  const publishers: WirePublisher[] = [];
  let source: TestFleet;
  let fleet: TestFleet;
  let first: TestOrigin;
  let second: TestOrigin;

  before(async () => {
    source = await startFleet({ origins: 1 });
    const [camera] = source.origins as [TestOrigin];
    const media = await library.get({ video: "h264", audio: "aac", take: 1, bFrames: false });
    for (const stream of ["live/one", "live/two"]) {
      publishers.push(new WirePublisher(camera.at.rtmp, stream, media));
      await source.owned(stream, camera);
    }
    // Origins look again every 30 s only: what reaches them earlier was told to them.
    fleet = await startFleet({
      config: { api: { token: TOKEN }, lease: { ttl: "90s", renewEvery: "30s" } },
    });
    [first, second] = fleet.origins as [TestOrigin, TestOrigin];
  });
  after(async () => {
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    await fleet?.stop();
    await source?.stop();
    await library.close();
  });

  const urlOf = (stream: string) =>
    `rtmp://admin:hunter2@${(source.origins[0] as TestOrigin).at.rtmp}/${stream}`;
  /** How many pull this stream of the source. */
  const pulls = (stream: string) =>
    (source.origins[0] as TestOrigin).origin.streams().find((one) => one.stream === stream)?.players ?? 0;
  const ask = async (at: TestOrigin, method: string, path = PATH, body?: object) => {
    const headers = { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" };
    const answer = await fetch(`http://${at.at.api}${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    return { status: answer.status, body: (await answer.json()) as Shown };
  };
  const becomes = (what: string, is: (shown: Shown) => boolean) =>
    waitFor(
      async () => {
        const { body } = await ask(first, "GET");
        return is(body) ? body : undefined;
      },
      { within: WITHIN, what },
    );

  test("what is defined at one origin is pulled once, without waiting for anybody's next look", async () => {
    const { status, body } = await ask(second, "PUT", PATH, { url: urlOf("live/one") });
    assert.deepEqual([status, body.url], [201, urlOf("live/one")]);
    await becomes("live", ({ state }) => state === "live");
    assert.equal(pulls("live/one"), 1);
  });

  test("a changed URL is pulled instead", async () => {
    assert.equal((await ask(first, "PUT", PATH, { url: urlOf("live/two") })).status, 200);
    await waitFor(() => pulls("live/two") === 1 && pulls("live/one") === 0, {
      within: WITHIN,
      what: "the other",
    });
    await becomes("live", ({ state }) => state === "live");
  });

  test("it moves to where it is wished", async () => {
    const { owner } = await becomes("live", ({ state }) => state === "live");
    const target = owner === first.name ? second.name : first.name;
    assert.equal((await ask(first, "POST", `${PATH}/move?origin=${target}`)).status, 202);
    const moved = await becomes("moved", (shown) => shown.owner === target && shown.state === "live");
    assert.equal(moved.moveTo, "");
    assert.equal(pulls("live/two"), 1);
  });

  test("it is paused and resumed", async () => {
    assert.equal((await ask(second, "POST", `${PATH}/pause`)).status, 202);
    await waitFor(() => pulls("live/two") === 0, { within: WITHIN, what: "the end of the pull" });
    assert.equal((await ask(first, "GET")).body.state, "paused");
    assert.equal((await ask(first, "POST", `${PATH}/resume`)).status, 202);
    await waitFor(() => pulls("live/two") === 1, { within: WITHIN, what: "the pull" });
    await becomes("live", ({ state }) => state === "live");
  });

  test("it is removed, and pulled no more", async () => {
    assert.equal((await ask(second, "DELETE")).status, 202);
    await waitFor(() => pulls("live/two") === 0, { within: WITHIN, what: "the end of the pull" });
    const { status, body } = await ask(first, "GET");
    assert.deepEqual([status, body.code], [404, "INGEST_NOT_FOUND"]);
  });
});
