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
import { runHoldfast } from "../support/run-holdfast.ts";
import type { Holdfast } from "../support/run-holdfast.ts";
import type { TestFleet } from "../support/start-fleet.ts";
import { waitFor } from "../support/wait.ts";
import { AWAY, SINCE_JOINED_MS, Stage } from "./stage.ts";

const FIRST = { video: "h264", audio: "aac", take: 1 } as const;
const SECOND = { video: "h264", audio: "aac", take: 2 } as const;
const QUICK_DRAIN = { HOLDFAST_DRAIN__SETTLE: "200ms", HOLDFAST_DRAIN__ENCODER_GRACE: "300ms" };
const KINDS = playerKinds("ffmpeg", "rtmpdump", "gstreamer", "mpv", "curl", "webSocket", "wire");

/** An origin in a process of its own, which can be killed. */
async function serve(fleet: TestFleet, home: string): Promise<{ process: Holdfast; rtmp: string }> {
  const ports = ["--rtmp-port", "0", "--http-port", "0", "--api-port", "0"];
  const process = runHoldfast(
    ["serve", "--name", "mortal", "--bind", "127.0.0.1", ...ports, "--redis-url", fleet.redis.url],
    { home, env: { HOLDFAST_CLUSTER__KEY: fleet.clusterKey, HOLDFAST_LOG__LEVEL: "error", ...QUICK_DRAIN } },
  );
  const api = fleet.origins[0]?.at.api;
  const rtmp = await waitFor(
    async () => {
      const answer = await fetch(`http://${api}/api/fleet/v1/origins`);
      const { origins } = (await answer.json()) as { origins: { name: string; relay: string }[] };
      return origins.find(({ name }) => name === "mortal")?.relay;
    },
    { within: 20_000, what: "the origin in its own process" },
  );
  return { process, rtmp };
}

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
      const { process, rtmp } = await serve(stage.fleet, home);
      owner = process;
      const kind = PUBLISHERS.ffmpeg;
      const toOwner = { ...kind, publish: withAddress(rtmp) };
      first = await stage.publish(toOwner, stream, FIRST, { ...stage.home, name: "mortal" });
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

function withAddress(rtmp: string): typeof PUBLISHERS.ffmpeg.publish {
  return (_, stream, tags, options) => PUBLISHERS.ffmpeg.publish({ rtmp }, stream, tags, options);
}
