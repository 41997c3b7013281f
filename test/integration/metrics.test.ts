import assert from "node:assert/strict";
import { get as httpGet } from "node:http";
import { after, before, describe, test } from "node:test";
import { asTags } from "../support/start-flv.ts";
import { sampleStream } from "../support/sample-stream.ts";
import { startFleet, type TestFleet, type TestOrigin } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { WirePlayer } from "../support/wire-player.ts";
import { WirePublisher } from "../support/wire-publisher.ts";

const STREAM = "live/measured";
const WAIT = { within: 30_000 };

/** Samples by name with labels, as they stand in the text. */
type Scrape = ReadonlyMap<string, number>;

async function scrape({ at }: TestOrigin): Promise<Scrape> {
  const answer = await fetch(`http://${at.api}/metrics`);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
  const lines = (await answer.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [
      line.slice(0, line.lastIndexOf(" ")),
      Number(line.slice(line.lastIndexOf(" ") + 1)),
    ]),
  );
}

/** Wait until a scrape shows these numbers. */
const shows = (origin: TestOrigin, wanted: Readonly<Record<string, number>>) =>
  waitFor(
    async () => {
      const seen = await scrape(origin);
      const wrong = Object.entries(wanted).filter(([name, value]) => seen.get(name) !== value);
      if (wrong.length > 0)
        throw new Error(wrong.map(([name, value]) => `${name} ${seen.get(name)}, not ${value}`).join("; "));
      return seen;
    },
    { ...WAIT, what: `${origin.name} showing ${JSON.stringify(wanted)}` },
  );

describe("metrics of a fleet that streams", () => {
  let fleet: TestFleet;
  let owner: TestOrigin;
  let other: TestOrigin;
  let publisher: WirePublisher;
  const players: WirePlayer[] = [];

  before(async () => {
    const config = {
      metrics: { perStream: true },
      continuity: { hold: "20s" },
      relay: { idleStop: "500ms" },
    };
    fleet = await startFleet({ config });
    [owner, other] = fleet.origins as [TestOrigin, TestOrigin];
    publisher = new WirePublisher(owner.at.rtmp, STREAM, asTags(sampleStream({ duration: 300_000 })));
    await fleet.owned(STREAM, owner);
    players.push(...[owner, owner, other].map(({ at }) => new WirePlayer(at.rtmp, STREAM)));
    await waitFor(() => players.every(({ progress = 0 }) => progress > 500), WAIT);
  });
  after(async () => {
    await Promise.all(players.map((player) => player.stop()));
    await publisher?.stop();
    await fleet?.stop();
  });

  test("the owner shows its publisher, its players and the relay that it serves", async () => {
    await shows(owner, {
      'holdfast_sessions{protocol="rtmp",role="publisher"}': 1,
      'holdfast_sessions{protocol="rtmp",role="player"}': 2,
      'holdfast_sessions{protocol="rtmp",role="relay"}': 1,
      'holdfast_sessions{protocol="http-flv",role="player"}': 0,
      holdfast_fanout_players: 3,
      'holdfast_fanout_channels{window="0"}': 1,
      'holdfast_channels{state="published"}': 1,
      'holdfast_requests_total{request="publish",answer="accepted"}': 1,
      'holdfast_requests_total{request="relay",answer="accepted"}': 1,
      holdfast_ready: 1,
      holdfast_session_live: 1,
      holdfast_registry_available: 1,
      [`holdfast_stream_players{stream="${STREAM}",state="published"}`]: 3,
    });
    for (const name of [
      'holdfast_received_bytes_total{protocol="rtmp"}',
      'holdfast_sent_bytes_total{protocol="rtmp"}',
      "holdfast_gop_cache_bytes",
      'holdfast_registry_request_seconds_count{request="claim"}',
      'holdfast_registry_request_seconds_count{request="heartbeat"}',
      "process_cpu_seconds_total",
    ])
      await waitFor(async () => ((await scrape(owner)).get(name) ?? 0) > 0, { ...WAIT, what: name });
  });

  test("the other origin shows its relay", async () => {
    const seen = await shows(other, {
      'holdfast_sessions{protocol="rtmp",role="player"}': 1,
      'holdfast_channels{state="relayed"}': 1,
      'holdfast_channels{state="published"}': 0,
      holdfast_relay_pulls: 1,
      holdfast_relay_pulls_total: 1,
    });
    assert.ok((seen.get('holdfast_answer_seconds_count{request="play"}') ?? 0) >= 1);
  });

  test("totals only grow while media flows, sessions that ended included", async () => {
    const name = 'holdfast_sent_bytes_total{protocol="rtmp"}';
    const first = (await scrape(owner)).get(name) ?? 0;
    await players[0]?.stop();
    const seen = await shows(owner, {
      'holdfast_sessions{protocol="rtmp",role="player"}': 1,
      'holdfast_session_ends_total{protocol="rtmp",role="player",code="CLIENT_LEFT"}': 1,
    });
    assert.ok((seen.get(name) ?? 0) >= first);
    await waitFor(async () => ((await scrape(owner)).get(name) ?? 0) > first, WAIT);
  });

  test("refusals are counted by code, over RTMP and HTTP", async () => {
    const client = await WireClient.open(owner.at.rtmp);
    await client.connectTo("live");
    client.tell(1, "play", null, "nobody");
    await waitFor(() => client.ended, WAIT);
    assert.equal((await fetch(`http://${owner.at.http}/live/nobody.flv`)).status, 404);
    await shows(owner, {
      'holdfast_refusals_total{request="play",code="STREAM_NOT_FOUND"}': 2,
      'holdfast_session_ends_total{protocol="rtmp",role="player",code="STREAM_NOT_FOUND"}': 1,
      'holdfast_session_ends_total{protocol="http-flv",role="player",code="STREAM_NOT_FOUND"}': 1,
    });
  });

  test("an HTTP-FLV player is one while it plays, with its bytes", async () => {
    const before = (await scrape(owner)).get('holdfast_sent_bytes_total{protocol="http-flv"}') ?? 0;
    const request = httpGet(`http://${owner.at.http}/${STREAM}.flv`, { agent: false });
    request.on("error", () => undefined);
    request.on("response", (response) => response.resume().on("error", () => undefined));
    const seen = await shows(owner, { 'holdfast_sessions{protocol="http-flv",role="player"}': 1 });
    assert.ok((seen.get('holdfast_sent_bytes_total{protocol="http-flv"}') ?? 0) > before + 1_000);
    request.destroy();
    await shows(owner, {
      'holdfast_sessions{protocol="http-flv",role="player"}': 0,
      'holdfast_session_ends_total{protocol="http-flv",role="player",code="CLIENT_LEFT"}': 1,
    });
  });

  test("a message that is half here is seen until its client leaves", async () => {
    const client = await WireClient.open(owner.at.rtmp);
    await client.connectTo("live");
    const message = { type: 20, streamId: 0, chunkStreamId: 3, timestamp: 0, payload: Buffer.alloc(12_000) };
    client.sendBytes(client.chunksOf(message)[0] ?? Buffer.alloc(0));
    await waitFor(
      async () => ((await scrape(owner)).get("holdfast_half_received_bytes") ?? 0) >= 4_096,
      WAIT,
    );
    client.close();
    await shows(owner, { holdfast_half_received_bytes: 0 });
  });

  test("a relay that nobody plays ends and is no failure; a held stream is a channel without a source", async () => {
    await players[2]?.stop();
    await shows(other, { holdfast_relay_pulls: 0, 'holdfast_channels{state="relayed"}': 0 });
    assert.equal(
      [...(await scrape(other)).keys()].some((name) => name.startsWith("holdfast_relay_failures_total")),
      false,
    );
    await publisher.die();
    await shows(owner, { 'holdfast_channels{state="held"}': 1, 'holdfast_channels{state="published"}': 0 });
  });
});
