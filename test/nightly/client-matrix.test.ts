import { after, before, describe } from "node:test";
import { describeBroadcast } from "../conformance/broadcast.ts";
import { Stage } from "../conformance/stage.ts";
import { PLAYERS } from "../support/players.ts";
import type { PlayerKind } from "../support/players.ts";
import type { PublisherKind } from "../support/publishers.ts";
import { PUBLISHERS } from "../support/publishers.ts";

const MEDIA = [
  { what: "H.264 and AAC", recipe: { video: "h264", audio: "aac" }, everybody: true },
  { what: "sound alone", recipe: { audio: "aac" }, everybody: true },
  { what: "picture alone", recipe: { video: "h264" }, everybody: true },
  { what: "HEVC by FourCC, and AAC", recipe: { video: "hevc", audio: "aac" }, everybody: false },
  { what: "AV1 and Opus by FourCC", recipe: { video: "av1", audio: "opus" }, everybody: false },
  { what: "VP9 and Opus by FourCC", recipe: { video: "vp9", audio: "opus" }, everybody: false },
  { what: "Opus by FourCC alone", recipe: { audio: "opus" }, everybody: false },
] as const;

describe("every publisher, every player, every codec that both can", () => {
  const stage = new Stage(3);
  before(() => stage.openWithTls());
  after(() => stage.close());
  for (const { what, recipe, everybody } of MEDIA) {
    const able = (kind: { readonly anyCodec: boolean }) => everybody || kind.anyCodec;
    const players = Object.values<PlayerKind>(PLAYERS).filter(able);
    for (const publisher of Object.values<PublisherKind>(PUBLISHERS).filter(able))
      describeBroadcast(stage, { publisher, what, recipe, players });
  }
});
