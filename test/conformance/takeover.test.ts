import { after, before, describe } from "node:test";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { AWAY, HOME, Stage } from "./stage.ts";
import { describeSuccession } from "./succession.ts";
import type { SuccessionRow } from "./succession.ts";

const { ffmpeg, gstreamer, curl, wire } = PUBLISHERS;
const SOME = playerKinds("ffmpeg", "rtmpdump", "gstreamer", "decoder", "webSocket", "wire");

const ROWS: readonly SuccessionRow[] = [
  { first: ffmpeg, second: ffmpeg, where: AWAY, while: "live", players: playerKinds() },
  { first: gstreamer, second: wire, where: HOME, while: "live", players: SOME },
  { first: wire, second: curl, where: AWAY, while: "live", players: SOME },
];

describe("take-over under the players of a third origin", () => {
  const stage = new Stage(3);
  before(() => stage.open());
  after(() => stage.close());
  const players = playerKinds("ffmpeg", "rtmpdump", "gstreamer", "mpv", "curl");
  describeSuccession(stage, { first: wire, second: ffmpeg, where: AWAY, while: "live", players });
});

describe("take-over", () => {
  const stage = new Stage();
  before(() => stage.open());
  after(() => stage.close());
  for (const row of ROWS) describeSuccession(stage, row);
});
