import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Audience } from "../support/audience.ts";
import type { Published } from "../support/audience.ts";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import type { Publisher } from "../support/publisher.ts";
import { missing } from "../support/run-program.ts";
import type { Holdfast } from "../support/run-holdfast.ts";
import { waitFor } from "../support/wait.ts";
import { ffmpegTo, serveMortal } from "./mortal.ts";
import { AWAY, SINCE_JOINED_MS, Stage } from "./stage.ts";

const FIRST = { video: "h264", audio: "aac", take: 1 } as const;
const SECOND = { video: "h264", audio: "aac", take: 2 } as const;
const QUICK_DRAIN = { HOLDFAST_DRAIN__SETTLE: "200ms", HOLDFAST_DRAIN__ENCODER_GRACE: "300ms" };
const KINDS = playerKinds("ffmpeg", "rtmpdump", "gstreamer", "mpv", "curl", "webSocket", "wire");

for (const [how, signal] of [
  ["is killed", "SIGKILL"],
  ["stops in order", "SIGTERM"],
] as const)
  describe(`the owner ${how} and its encoder goes to another origin`, () => {
    const stage = new Stage(2);
    const stream = "live/orphan";
    let home: string | undefined;
    let owner: Holdfast | undefined;
    let first: Publisher | undefined;
    let audience: Audience | undefined;
    let published: Published;

    before(async () => {
      await stage.open();
      home = await mkdtemp(join(tmpdir(), "holdfast-mortal-"));
      const { process, rtmp } = await serveMortal(stage.fleet, home, QUICK_DRAIN);
      owner = process;
      const kind = PUBLISHERS.ffmpeg;
      first = await stage.publish(ffmpegTo(rtmp), stream, FIRST, { ...stage.home, name: "mortal" });
      audience = new Audience(KINDS, [{ name: AWAY, at: stage.away.at }]);
      audience.start(stream);
      await audience.settled();
      owner.child.kill(signal);
      await waitFor(() => first?.running === false, { what: "the encoder noticing" });
      const second = await stage.publish(kind, stream, SECOND);
      await waitFor(() => second.position > SINCE_JOINED_MS, { what: "media of the second encoder" });
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
      await audience?.stop();
      await owner?.kill();
      await stage.close();
      if (home) await rm(home, { recursive: true, force: true });
    });

    test("the encoder sees its connection break", async () => {
      assert.notEqual((await first?.exit)?.code, 0);
    });
    for (const kind of KINDS)
      test(`${kind.name} at a third origin stays and goes on`, { skip: missing(kind) }, async () => {
        const seat = audience?.seatOf(kind, AWAY);
        await seat?.progressed();
        await seat?.endsInOrder();
        await seat?.got(published);
      });
  });
