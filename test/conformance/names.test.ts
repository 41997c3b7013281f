import { after, before, describe, test } from "node:test";
import { Audience } from "../support/audience.ts";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { missing } from "../support/run-program.ts";
import { AWAY, Stage } from "./stage.ts";

/** What is written in the URL, and the key that it means. Clients cut app and stream apart in their own ways. */
const NAMES: readonly { what: string; written: string; key: string }[] = [
  { what: "an app with two segments", written: "club/hall/camera", key: "club/hall/camera" },
  { what: "dots and an equals sign", written: "live/cam.1=left", key: "live/cam.1=left" },
  { what: "a query after the stream", written: "live/asked?user=me&pass=a", key: "live/asked" },
];
const KINDS = playerKinds("ffmpeg", "rtmpdump", "gstreamer", "mpv", "wire");

describe("stream names", () => {
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());

  for (const { what, written, key } of NAMES)
    describe(`${what}: ${written}`, () => {
      let audience: Audience | undefined;
      before(async () => {
        await stage.publish(PUBLISHERS.ffmpeg, written, { video: "h264", audio: "aac" }, stage.home, { key });
        audience = new Audience(KINDS, [{ name: AWAY, at: stage.away.at }]);
        audience.start(written);
      });
      after(() => audience?.stop());
      for (const kind of KINDS)
        test(`${kind.name} plays what ffmpeg published`, { skip: missing(kind) }, () =>
          audience?.seatOf(kind, AWAY).progressed(),
        );
    });
});
