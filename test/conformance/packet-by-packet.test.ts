import { after, before, describe } from "node:test";
import { playerKinds } from "../support/players.ts";
import { PUBLISHERS } from "../support/publishers.ts";
import { describeBroadcast } from "./broadcast.ts";
import type { BroadcastRow } from "./broadcast.ts";
import { Stage } from "./stage.ts";

const H264_AAC = { what: "H.264 and AAC", recipe: { video: "h264", audio: "aac" } } as const;
const SOME = playerKinds("ffmpeg", "rtmpdump", "curl", "wire");

const ROWS: readonly BroadcastRow[] = [
  { publisher: PUBLISHERS.ffmpeg, ...H264_AAC, players: playerKinds() },
  { publisher: PUBLISHERS.wire, ...H264_AAC, players: SOME },
  { publisher: PUBLISHERS.curl, ...H264_AAC, players: SOME },
  { publisher: PUBLISHERS.gstreamer, ...H264_AAC, players: SOME },
  { publisher: PUBLISHERS.fleet, ...H264_AAC, players: SOME },
  { publisher: PUBLISHERS.ffmpegTls, ...H264_AAC, players: playerKinds("ffmpegTls", "wire") },
];

describe("packet by packet", () => {
  const stage = new Stage();
  before(() => stage.openWithTls());
  after(() => stage.close());
  for (const row of ROWS) describeBroadcast(stage, row);
});
