import { after, before, describe } from "node:test";
import { describeBroadcast } from "../conformance/broadcast.ts";
import { AWAY, HOME, Stage } from "../conformance/stage.ts";
import { describeSuccession } from "../conformance/succession.ts";
import type { PublisherKind } from "../support/publishers.ts";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";

const MEDIA = [
  { what: "H.264 and AAC", recipe: { video: "h264", audio: "aac" }, everybody: true },
  { what: "sound alone", recipe: { audio: "aac" }, everybody: true },
  { what: "picture alone", recipe: { video: "h264" }, everybody: true },
  { what: "HEVC by FourCC, and AAC", recipe: { video: "hevc", audio: "aac" }, everybody: false },
  { what: "AV1 and Opus by FourCC", recipe: { video: "av1", audio: "opus" }, everybody: false },
  { what: "VP9 and Opus by FourCC", recipe: { video: "vp9", audio: "opus" }, everybody: false },
] as const;
const EVERY_PUBLISHER = Object.values<PublisherKind>(PUBLISHERS);

describe("every publisher, every player, every codec it can", () => {
  const stage = new Stage();
  before(() => stage.openWithTls());
  after(() => stage.close());
  for (const { what, recipe, everybody } of MEDIA)
    for (const publisher of EVERY_PUBLISHER.filter(({ anyCodec }) => everybody || anyCodec)) {
      const players = [...playerKinds(), ...playerKinds("ffmpegTls")];
      const able = players.filter(({ anyCodec }) => everybody || anyCodec);
      describeBroadcast(stage, { publisher, what, recipe, players: able });
    }
});

describe("every publisher after every other, everywhere, at once and after a while", () => {
  const stage = new Stage();
  before(() => stage.openWithTls());
  after(() => stage.close());
  for (const first of EVERY_PUBLISHER)
    for (const second of EVERY_PUBLISHER)
      for (const where of [HOME, AWAY] as const)
        for (const state of ["live", "gone"] as const)
          describeSuccession(stage, { first, second, where, while: state, players: playerKinds() });
});
