import { after, before, describe } from "node:test";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { CHANGES } from "./changes.ts";
import { AWAY, HOME, Stage } from "./stage.ts";
import { describeSuccession } from "./succession.ts";
import type { SuccessionRow } from "./succession.ts";

const { curl, fleet, wire } = PUBLISHERS;

/** Each player sees three swaps of a row: publisher to relay at home, relay to publisher away, relay to relay. */
const ROWS: readonly SuccessionRow[] = [
  {
    first: wire,
    second: curl,
    where: AWAY,
    while: "live",
    change: CHANGES.larger,
    clocks: [2 ** 32 - 3_000, 0],
    // Not mpegts.js: see docs/clients.md for what it does when the last picture before new headers is a keyframe.
    players: playerKinds("ffmpeg", "decoder", "ffprobe", "gstreamer", "wire"),
  },
  {
    first: curl,
    second: wire,
    where: AWAY,
    while: "live",
    change: CHANGES.sound,
    clocks: [2 ** 31, 1_000],
    players: playerKinds("ffmpeg", "decoder", "mpegtsWebSocket", "rtmpdump", "mpv"),
  },
  {
    first: wire,
    second: fleet,
    where: AWAY,
    while: "live",
    change: CHANGES.hevc,
    clocks: [4_000_000, 7],
    // Who looks into the codec is in test/nightly/codec-change.test.ts.
    players: playerKinds("rtmpdump", "gstreamer", "curl", "webSocket", "wire"),
  },
  {
    first: wire,
    second: wire,
    where: HOME,
    while: "gone",
    change: CHANGES.deeper,
    clocks: [0, 2 ** 32 - 1_000],
    gap: 10_000,
    players: playerKinds("ffmpeg", "decoder", "mpegts", "rtmpdump", "gstreamer", "mpv"),
  },
];

describe("a swap of sources", () => {
  const stage = new Stage(3);
  before(() => stage.open({ config: { continuity: { hold: "60s" } } }));
  after(() => stage.close());
  for (const row of ROWS) describeSuccession(stage, row);
});
