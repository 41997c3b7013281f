import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Audience } from "../support/audience.ts";
import type { Published } from "../support/audience.ts";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import type { Holdfast } from "../support/run-holdfast.ts";
import { Stillness } from "../support/stillness.ts";
import { waitFor } from "../support/wait.ts";
import { ffmpegTo, serveMortal } from "./mortal.ts";
import { AWAY, HOME, SINCE_JOINED_MS, Stage } from "./stage.ts";

const FIRST = { video: "h264", audio: "aac", take: 1 } as const;
const SECOND = { video: "h264", audio: "aac", take: 2 } as const;
const KINDS = playerKinds("ffmpeg", "rtmpdump", "gstreamer", "curl");
/** Life of the dead origin's session, the way to the next owner, and a busy machine. */
const LONGEST_GAP_MS = 5_000 + 1_500 + 2_000;

describe(
  "the origin of the first encoder is killed, a second encoder stands by at another one",
  { skip: missing(PUBLISHERS.ffmpeg) },
  () => {
    const stage = new Stage(2);
    const stream = "live/twice";
    const kind = PUBLISHERS.ffmpeg;
    let home: string | undefined;
    let owner: Holdfast | undefined;
    let audience: Audience | undefined;
    let gap: Stillness | undefined;
    let published: Published;

    before(async () => {
      await stage.open({ config: { publish: { onDuplicate: "standby" } } });
      home = await mkdtemp(join(tmpdir(), "holdfast-mortal-"));
      const settings = { HOLDFAST_PUBLISH__ON_DUPLICATE: "standby" };
      const { process, rtmp } = await serveMortal(stage.fleet, home, settings);
      owner = process;
      const first = await stage.publish(ffmpegTo(rtmp), stream, FIRST, { ...stage.home, name: "mortal" });
      const second = await stage.offer(kind, stream, SECOND, stage.home);
      await waitFor(() => stage.home.origin.streams().some(({ standbys }) => standbys[0]?.ready), {
        within: 20_000,
        what: "the second encoder standing by",
      });
      audience = new Audience(KINDS, stage.places);
      audience.start(stream);
      await audience.settled();
      gap = new Stillness(audience.seats.map(({ player }) => player));
      owner.child.kill("SIGKILL");
      await waitFor(async () => (await stage.fleet.ownerOf(stream))?.origin === stage.home.name, {
        within: 20_000,
        what: "the standby's origin owning the stream",
      });
      const from = second.position;
      const flows = () => second.position > from + SINCE_JOINED_MS;
      await waitFor(flows, { within: 30_000, what: "media of the second encoder" });
      gap.stop();
      await second.finish(SINCE_JOINED_MS);
      await audience.dispersed();
      published = await stage.published(
        [
          { publisher: first, kind, recipe: FIRST },
          { publisher: second, kind, recipe: SECOND },
        ],
        SINCE_JOINED_MS,
      );
    });
    after(async () => {
      gap?.stop();
      await audience?.stop();
      await owner?.kill();
      await stage.close();
      if (home) await rm(home, { recursive: true, force: true });
    });

    for (const place of [HOME, AWAY])
      for (const player of KINDS)
        test(
          `${player.name} ${place} as the second one stays and goes on`,
          { skip: missing(player) },
          async (t) => {
            const seat = audience?.seatOf(player, place);
            assert.ok(seat);
            const longest = gap?.longestOf(seat.player) ?? Infinity;
            t.diagnostic(`without anything new for ${longest} ms at most`);
            assert.ok(longest < LONGEST_GAP_MS, `${longest}`);
            await seat.endsInOrder();
            await seat.got(published);
          },
        );
  },
);
