import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { marksOf } from "../support/flash-and-beep.ts";
import type { Marks } from "../support/flash-and-beep.ts";
import type { Recipe } from "../support/make-media.ts";
import type { Player } from "../support/player.ts";
import { PLAYERS } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { waitFor } from "../support/wait.ts";
import { Stage } from "./stage.ts";

const FRAME_MS = 40;
const FIRST: Recipe = { video: "h264", audio: "aac", marks: true };
const SECOND: Recipe = { ...FIRST, bFrames: false, size: "640x360", sampleRate: 48_000, channels: 2 };

/** How far each beep is behind its flash. */
function lags({ flashes, beeps }: Marks): number[] {
  return flashes.flatMap((flash) => {
    const near = beeps.map((beep) => beep - flash).filter((lag) => Math.abs(lag) < 500);
    return near.length === 1 ? near : [];
  });
}

describe("a flash and a beep of the same moment", { skip: missing(PLAYERS.ffmpeg) }, () => {
  const stage = new Stage(3);
  const players: Player[] = [];
  let sent: number[] = [];
  before(async () => {
    await stage.open();
    const first = await stage.publish(PUBLISHERS.wire, "live/marks", FIRST);
    for (const { at } of stage.places) players.push(PLAYERS.wire.play(at, "live/marks"));
    await waitFor(() => players.every(({ progress = 0 }) => progress > 3_500), { within: 30_000 });
    assert.ok(first.running);
    const second = await stage.publish(PUBLISHERS.curl, "live/marks", SECOND, stage.away, { clock: 2 ** 31 });
    await waitFor(() => second.position > 4_000, { within: 30_000 });
    await second.finish(500);
    await waitFor(() => players.every(({ running }) => !running), { within: 30_000 });
    sent = (await Promise.all([FIRST, SECOND].map((recipe) => stage.marks(recipe)))).flatMap(lags);
  });
  after(async () => {
    await Promise.all(players.map((player) => player.stop()));
    await stage.close();
  });

  for (const [number, place] of stage.placeNames.entries())
    test(`stay together ${place}, before and after a swap`, async () => {
      const played = lags(await marksOf(players[number]?.tags ?? []));
      assert.ok(played.length >= 6, `${played.length} marks`);
      for (const [index, lag] of played.entries()) {
        // A decoder has some sound in hand where the form of the sound changes.
        const due = Math.min(...sent.map((one) => Math.abs(lag - one)));
        assert.ok(
          due < FRAME_MS,
          `beep ${index} is ${lag} ms behind its flash, sent with ${sent.join(" or ")} ms`,
        );
      }
    });
});
