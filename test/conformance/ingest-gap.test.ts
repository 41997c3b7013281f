import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Audience } from "../support/audience.ts";
import type { Published } from "../support/audience.ts";
import { IngestAdmin } from "../support/ingest-admin.ts";
import type { Recipe } from "../support/make-media.ts";
import { playerKinds, type PlayerKind } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { waitFor } from "../support/wait.ts";
import { WireClient } from "../support/wire-client.ts";
import { AWAY, HOME, SINCE_JOINED_MS, Stage } from "./stage.ts";

const ROWS = [
  { what: "the source of an ingest", recipe: { video: "h264", audio: "aac" }, kinds: playerKinds() },
  // The FLV header was sent before anybody knew.
  {
    what: "a source without sound",
    recipe: { video: "h264" },
    kinds: playerKinds("mpegts", "mpegtsWebSocket", "ffmpegHttp"),
  },
] as const;
/** A player is told to start within so many ms, and the machine may be busy. */
const START_WITHIN_MS = 5_000;
const SLACK_MS = 1_500;
/** From a port that nobody listens on, so that no origin gets anything. */
const DEAD = { url: "rtmp://127.0.0.1:1/live/cam" };
const KINDS = playerKinds();

/** When RTMP says Play.Start, and HTTP-FLV its file header, after the question, ms. */
async function answerTimes(at: { rtmp: string; http: string }, stream: string, app: string) {
  const rtmp = async () => {
    const client = await WireClient.open(at.rtmp);
    try {
      await client.connectTo(app);
      await client.call("createStream", null);
      const asked = performance.now();
      client.tell(1, "play", null, stream, -2000);
      const start = () => client.commands().some(({ args }) => codeOf(args[1]) === "NetStream.Play.Start");
      await waitFor(() => start() || client.ended, { within: 20_000, what: "Play.Start" });
      assert.ok(start(), "told to start, not to go");
      return performance.now() - asked;
    } finally {
      client.close();
    }
  };
  const http = async () => {
    const leave = new AbortController();
    const asked = performance.now();
    const answer = await fetch(`http://${at.http}/${app}/${stream}.flv`, { signal: leave.signal });
    assert.equal(answer.status, 200);
    const header = await answer.body?.getReader().read();
    const took = performance.now() - asked;
    assert.equal(Buffer.from(header?.value ?? []).toString("latin1", 0, 3), "FLV");
    leave.abort();
    return took;
  };
  const [startMs, headerMs] = await Promise.all([rtmp(), http()]);
  return { startMs, headerMs };
}

function codeOf(info: unknown): unknown {
  return typeof info === "object" && info !== null && "code" in info ? info.code : undefined;
}

for (const { what, recipe, kinds } of ROWS)
  describe(`players that come before ${what} is up`, () => describeGap(recipe, kinds));

function describeGap(recipe: Recipe, kinds: readonly PlayerKind[]): void {
  const stage = new Stage();
  const stream = "live/early";
  let admin: IngestAdmin | undefined;
  let audience: Audience | undefined;
  let times: { startMs: number; headerMs: number };
  let published: Published;
  before(async () => {
    await stage.open({ config: { continuity: { hold: "60s" } } });
    await stage.prepare(recipe);
    admin = await IngestAdmin.open(stage.fleet.redis.url);
    await admin.define(stream, DEAD);
    audience = new Audience(kinds, stage.places);
    audience.start(stream);
    times = await answerTimes(stage.away.at, "early", "live");
    const held = () => stage.fleet.origins.every(({ origin }) => playersOf(origin, stream) > 0);
    await waitFor(held, { within: 30_000, what: "players on hold at both origins" });
    await admin.pause(stream);
    const kind = PUBLISHERS.wire;
    const publisher = await stage.publish(kind, stream, recipe);
    await audience.settled();
    const joinedAt = publisher.position;
    await waitFor(() => publisher.position > joinedAt + SINCE_JOINED_MS, { what: "media" });
    await publisher.finish(joinedAt + SINCE_JOINED_MS);
    await audience.dispersed();
    published = await stage.published([{ publisher, kind, recipe }], SINCE_JOINED_MS);
  });
  after(async () => {
    await audience?.stop();
    await admin?.close();
    await stage.close();
  });

  test("RTMP is told to start within five seconds, and no sooner than it must", () => {
    assert.ok(times.startMs > START_WITHIN_MS - SLACK_MS, `after ${Math.round(times.startMs)} ms`);
    assert.ok(times.startMs < START_WITHIN_MS + SLACK_MS, `after ${Math.round(times.startMs)} ms`);
  });
  test("HTTP-FLV gets 200 and its header within five seconds", () => {
    assert.ok(times.headerMs < START_WITHIN_MS + SLACK_MS, `after ${Math.round(times.headerMs)} ms`);
  });
  for (const place of [HOME, AWAY])
    for (const kind of kinds)
      test(`${kind.name} ${place} gets the media when they come`, { skip: missing(kind) }, async () => {
        const seat = audience?.seatOf(kind, place);
        await seat?.progressed();
        await seat?.endsInOrder();
        await seat?.got(published);
      });
}

describe("the source of an ingest does not come up", () => {
  const stage = new Stage();
  const stream = "live/never";
  let admin: IngestAdmin | undefined;
  let audience: Audience | undefined;
  let said: readonly string[] = [];
  let held = 0;
  before(async () => {
    await stage.open({ config: { continuity: { hold: "7s" } } });
    admin = await IngestAdmin.open(stage.fleet.redis.url);
    await admin.define(stream, DEAD);
    const client = await WireClient.open(stage.home.at.rtmp);
    await client.connectTo("live");
    await client.call("createStream", null);
    const asked = performance.now();
    client.tell(1, "play", null, "never", -2000);
    audience = new Audience(KINDS, stage.places);
    audience.start(stream);
    await waitFor(() => client.ended, { within: 30_000, what: "the end of the hold" });
    held = performance.now() - asked;
    said = client.commands().map(({ args }) => String(codeOf(args[1])));
    client.close();
    await audience.dispersed(45_000);
  });
  after(async () => {
    await audience?.stop();
    await admin?.close();
    await stage.close();
  });

  test("a player is held as long as after the loss of an encoder, and told the end in order", () => {
    assert.ok(held > 7_000 - 100, `let go after ${Math.round(held)} ms`);
    assert.ok(held < 7_000 + 3 * SLACK_MS, `let go after ${Math.round(held)} ms`);
    const codes = said.filter((code) => code.startsWith("NetStream."));
    assert.deepEqual(codes.slice(-2), ["NetStream.Play.Start", "NetStream.Play.UnpublishNotify"]);
  });
  test("nothing is left of it at the origins", async () => {
    const none = () => stage.fleet.origins.every(({ origin }) => origin.streams().length === 0);
    await waitFor(none, { within: 20_000, what: "the channels being freed" });
  });
  for (const place of [HOME, AWAY])
    for (const kind of KINDS)
      test(`${kind.name} ${place} goes by itself`, { skip: missing(kind) }, () => {
        assert.equal(audience?.seatOf(kind, place).player.running, false);
      });
});

function playersOf(
  origin: { streams(): readonly { stream: string; players: number }[] },
  stream: string,
): number {
  return origin.streams().find((one) => one.stream === stream)?.players ?? 0;
}
