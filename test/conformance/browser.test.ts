import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { MpegtsState } from "../support/mpegts-player.ts";
import { MpegtsPlayer } from "../support/mpegts-player.ts";
import { PLAYERS } from "../support/players.ts";
import type { Publisher } from "../support/publisher.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { waitFor } from "../support/wait.ts";
import { Stage } from "./stage.ts";

const STREAM = "live/browser";
const WITHIN = { within: 40_000 };

describe("one player of mpegts.js, never made anew", { skip: missing(PLAYERS.mpegts) }, () => {
  const stage = new Stage(3);
  const players: MpegtsPlayer[] = [];
  let publisher: Publisher;

  const publish = async (kind: keyof typeof PUBLISHERS, take: number, place: number) => {
    const origin = stage.fleet.origins[place];
    return stage.publish(PUBLISHERS[kind], STREAM, { video: "h264", audio: "aac", take }, origin);
  };
  const states = () => players.map(({ state }) => state as MpegtsState);
  /** What it has and has not shown, in ms. */
  const delays = () => states().map(({ ranges, shown }) => (ranges.at(-1)?.[1] ?? 0) - shown);
  /** Wait until each has shown two more seconds, with the pictures that belong to them. */
  const goesOn = async () => {
    const from = states();
    const goesOnFrom = ({ shown, frames }: MpegtsState, now: MpegtsState) =>
      now.shown > shown + 2_000 && now.frames > frames + 35;
    await waitFor(
      () => states().every((now, index) => now.gone || goesOnFrom(from[index] as MpegtsState, now)),
      { ...WITHIN, what: "two more seconds" },
    );
    for (const { complaints, holes, ranges } of states()) {
      assert.deepEqual(complaints, []);
      assert.deepEqual([holes, ranges.length], [0, 1]);
    }
  };

  before(async () => {
    // While a browser starts, it has the machine: the origins of this very process answer late, and Redis with them.
    await stage.open({
      config: {
        continuity: { hold: "60s" },
        redis: { commandTimeout: "2s" },
        play: { startTimeout: "30s" },
      },
    });
    publisher = await publish("wire", 1, 0);
    for (const [number, { at }] of stage.places.entries()) {
      const url = `${number === 0 ? "http" : "ws"}://${at.http}/${STREAM}.flv`;
      players.push(new MpegtsPlayer(url));
    }
    // A browser that comes from the disk, beside other tests, takes its time.
    const all = () => players.every(({ progress }) => progress !== undefined);
    const ended = () => players.find(({ running }) => !running);
    await waitFor(() => all() || ended() !== undefined, { within: 200_000, what: "browsers playing" });
    assert.equal((await ended()?.exit)?.said, undefined);
  });
  after(async () => {
    await Promise.all(players.map((player) => player.stop()));
    await stage.close();
  });

  test("plays over HTTP and WebSocket, from the owner and through relays", goesOn);
  test("plays through a take-over by another origin, where relays follow", async () => {
    publisher = await publish("curl", 2, 1);
    await goesOn();
  });
  test("plays on when the encoder comes back to a third origin, and is not behind by the gap", async () => {
    const before = delays();
    await publisher.die();
    const gone = performance.now();
    await waitFor(() => performance.now() - gone > 4_000, { what: "a gap" });
    publisher = await publish("wire", 3, 2);
    await goesOn();
    for (const [index, delay] of delays().entries())
      assert.ok(delay < (before[index] ?? 0) + 3_000, `${before[index]} ms behind before, ${delay} ms after`);
  });
  test("is told the end, and shows everything up to it", async () => {
    await publisher.finish(500);
    for (const player of players) assert.deepEqual(await player.exit, { code: 0, said: "" });
    for (const delay of delays()) assert.ok(delay < 500, `${delay} ms were not shown`);
  });
});
