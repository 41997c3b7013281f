import { after, before, describe, test } from "node:test";
import { Audience } from "../support/audience.ts";
import type { Published } from "../support/audience.ts";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import type { Publisher } from "../support/publisher.ts";
import { missing } from "../support/run-program.ts";
import { hasNginxRtmp, startNginxRtmp } from "../support/start-nginx-rtmp.ts";
import type { NginxRtmp } from "../support/start-nginx-rtmp.ts";
import { AWAY, HOME, SINCE_JOINED_MS, Stage } from "./stage.ts";

const H264_AAC = { video: "h264", audio: "aac" } as const;
const AT_HOLDFAST = playerKinds("ffmpeg", "rtmpdump", "decoder", "curl", "wire", "nodeMediaServer");

describe("nginx-rtmp as a foreign server", { skip: !hasNginxRtmp() && "nginx-rtmp is not installed" }, () => {
  const stage = new Stage();
  // nginx says no goodbye when its encoder leaves: its players are let go when the hold is over.
  before(() => stage.open({ config: { continuity: { hold: "1s" } } }));
  after(() => stage.close());

  describe("nginx-rtmp pushes a stream here", () => {
    let nginx: NginxRtmp | undefined;
    let publisher: Publisher | undefined;
    let audience: Audience | undefined;
    let published: Published;
    before(async () => {
      nginx = await startNginxRtmp({ application: [`push rtmp://${stage.home.at.rtmp}/live;`] });
      publisher = await stage.publish(
        {
          ...PUBLISHERS.ffmpeg,
          publish: (_, stream, tags, options) =>
            PUBLISHERS.ffmpeg.publish({ rtmp: `127.0.0.1:${nginx?.port}` }, stream, tags, options),
        },
        "live/pushed",
        H264_AAC,
      );
      audience = new Audience(AT_HOLDFAST, stage.places);
      audience.start("live/pushed");
      await audience.settled();
      await publisher.finish(SINCE_JOINED_MS);
      await audience.dispersed();
      published = await stage.published([{ publisher, kind: PUBLISHERS.ffmpeg, recipe: H264_AAC }]);
    });
    after(async () => {
      await audience?.stop();
      await nginx?.stop();
    });
    for (const place of [HOME, AWAY])
      for (const kind of AT_HOLDFAST)
        test(
          `${kind.name} ${place} gets every frame since its first keyframe once and in order`,
          { skip: missing(kind) },
          async () => {
            const seat = audience?.seatOf(kind, place);
            await seat?.progressed();
            await seat?.endsInOrder();
            await seat?.got(published);
          },
        );
  });

  describe("nginx-rtmp pulls a stream from an origin that does not own it", () => {
    let nginx: NginxRtmp | undefined;
    let audience: Audience | undefined;
    let published: Published;
    const kinds = playerKinds("rtmpdump", "gstreamer");
    before(async () => {
      const publisher = await stage.publish(PUBLISHERS.wire, "live/pulled", H264_AAC);
      nginx = await startNginxRtmp({
        application: [
          `pull rtmp://${stage.away.at.rtmp}/live/pulled name=pulled;`,
          "wait_key on;",
          "wait_video on;",
        ],
      });
      audience = new Audience(kinds, [{ name: "at nginx", at: { rtmp: `127.0.0.1:${nginx.port}` } }]);
      audience.start("live/pulled");
      await audience.settled();
      await publisher.finish(SINCE_JOINED_MS);
      await audience.dispersed();
      published = await stage.published([{ publisher, kind: PUBLISHERS.wire, recipe: H264_AAC }]);
    });
    after(async () => {
      await audience?.stop();
      await nginx?.stop();
    });
    for (const kind of kinds)
      test(
        `${kind.name} at nginx gets every frame since its first keyframe once and in order`,
        { skip: missing(kind) },
        async () => {
          const seat = audience?.seatOf(kind, "at nginx");
          await seat?.progressed();
          await seat?.got(published);
        },
      );
  });
});
