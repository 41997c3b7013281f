import { playerKinds } from "../support/players.ts";
import { describeWithPlayers } from "./continuity-matrix.ts";

describeWithPlayers(
  playerKinds("ffmpeg", "ffprobe", "decoder", "rtmpdump", "gstreamer", "mpv", "mpegts", "mpegtsWebSocket"),
  0,
  4,
);
