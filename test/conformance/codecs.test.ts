import { after, before, describe } from "node:test";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { describeBroadcast } from "./broadcast.ts";
import type { BroadcastRow } from "./broadcast.ts";
import { Stage } from "./stage.ts";

const ANY_CODEC = playerKinds().filter(({ anyCodec }) => anyCodec);
const FEW = playerKinds("rtmpdump", "gstreamer", "webSocket");

const ROWS: readonly BroadcastRow[] = [
  { publisher: PUBLISHERS.ffmpeg, what: "sound alone", recipe: { audio: "aac" }, players: playerKinds() },
  { publisher: PUBLISHERS.ffmpeg, what: "picture alone", recipe: { video: "h264" }, players: playerKinds() },
  {
    publisher: PUBLISHERS.wire,
    what: "HEVC by FourCC, and AAC",
    recipe: { video: "hevc", audio: "aac" },
    players: ANY_CODEC,
  },
  {
    publisher: PUBLISHERS.wire,
    what: "AV1 and Opus by FourCC",
    recipe: { video: "av1", audio: "opus" },
    players: ANY_CODEC,
  },
  {
    publisher: PUBLISHERS.curl,
    what: "VP9 and Opus by FourCC",
    recipe: { video: "vp9", audio: "opus" },
    players: FEW,
  },
  {
    publisher: PUBLISHERS.curl,
    what: "Opus by FourCC alone",
    recipe: { audio: "opus" },
    players: FEW,
  },
];

describe("codecs", () => {
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());
  for (const row of ROWS) describeBroadcast(stage, row);
});
