import { DecodingPlayer } from "./decoding-player.ts";
import { FfprobePlayer } from "./ffprobe-player.ts";
import { FleetPlayer } from "./fleet-client.ts";
import { MpegtsPlayer } from "./mpegts-player.ts";
import { MpvPlayer } from "./mpv-player.ts";
import { NodeMediaServerPlayer } from "./nms-player.ts";
import type { CompareRules } from "./packet-compare.ts";
import { FlvPlayer } from "./player.ts";
import type { Player } from "./player.ts";
import { WebSocketPlayer } from "./web-socket-player.ts";
import { WirePlayer } from "./wire-player.ts";

/** Where a server is, as `host:port`. */
export interface ServerAddress {
  readonly rtmp: string;
  readonly rtmps?: string;
  readonly http?: string;
}

export interface PlayerKind {
  /** Begins a sentence. */
  readonly name: string;
  readonly protocol: "rtmp" | "rtmps" | "http-flv" | "ws-flv";
  /** What can be compared of it; `time` when it only tells how far it is. */
  readonly hands: CompareRules["order"] | "time";
  /** Exit codes after an orderly end of the stream. */
  readonly endsWith: readonly number[];
  /** Exit codes after a refusal. */
  readonly refusedWith: readonly number[];
  /** Understands codecs by FourCC, or looks at no codec. */
  readonly anyCodec: boolean;
  /** Frames that it may drop itself when the stream ends. */
  readonly losesAtEnd?: number;
  /** What must be installed for it. */
  readonly program?: string;
  readonly play: (at: ServerAddress, stream: string) => Player;
}

const rtmp = (at: ServerAddress, stream: string) => `rtmp://${at.rtmp}/${stream}`;
const http = (at: ServerAddress, stream: string) => `http://${at.http}/${stream}.flv`;
const ws = (at: ServerAddress, stream: string) => `ws://${at.http}/${stream}.flv`;

const ffmpegCopy = (url: string) =>
  new FlvPlayer("ffmpeg", "ffmpeg", [
    ...["-v", "warning", "-nostdin", "-copyts", "-i", url, "-c", "copy"],
    ...["-f", "flv", "-flvflags", "no_duration_filesize", "-flush_packets", "1", "pipe:1"],
  ]);

/**
 * Every client that plays in these tests. The exit codes are what each was seen to do: FFmpeg 5.1, rtmpdump 2.4,
 * GStreamer 1.22, mpv 0.35, curl 7.88, node-media-server 4.4.3, mpegts.js 1.8.2 in Chromium.
 */
export const PLAYERS = {
  ffmpeg: {
    name: "ffmpeg -c copy",
    program: "ffmpeg",
    protocol: "rtmp",
    hands: "per-track",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: false,
    play: (at, stream) => ffmpegCopy(rtmp(at, stream)),
  },
  ffmpegTls: {
    name: "ffmpeg -c copy over RTMPS",
    program: "ffmpeg",
    protocol: "rtmps",
    hands: "per-track",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: false,
    play: (at, stream) => ffmpegCopy(`rtmps://${at.rtmps}/${stream}`),
  },
  ffprobe: {
    name: "ffprobe",
    program: "ffprobe",
    protocol: "rtmp",
    hands: "per-track",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: false,
    play: (at, stream) => new FfprobePlayer(rtmp(at, stream)),
  },
  rtmpdump: {
    name: "rtmpdump",
    program: "rtmpdump",
    protocol: "rtmp",
    hands: "exact",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: true,
    play: (at, stream) =>
      new FlvPlayer("rtmpdump", "rtmpdump", ["-q", "-v", "-r", rtmp(at, stream), "-o", "-"]),
  },
  gstreamer: {
    name: "GStreamer's rtmp2src",
    // It stops at StreamEOF, whether or not the pipeline has taken the last message by then (1.22, gstrtmp2src.c).
    losesAtEnd: 1,
    program: "gst-launch-1.0",
    protocol: "rtmp",
    hands: "exact",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: true,
    play: (at, stream) =>
      new FlvPlayer("gst-launch-1.0", "gst-launch-1.0", [
        ...["-q", "rtmp2src", `location=${rtmp(at, stream)}`, "!", "fdsink", "fd=1", "sync=false"],
      ]),
  },
  mpv: {
    name: "mpv",
    program: "mpv",
    protocol: "rtmp",
    hands: "time",
    endsWith: [0],
    refusedWith: [2],
    anyCodec: false,
    play: (at, stream) => new MpvPlayer(rtmp(at, stream)),
  },
  decoder: {
    name: "ffmpeg, decoding,",
    program: "ffmpeg",
    protocol: "rtmp",
    hands: "time",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: false,
    play: (at, stream) => new DecodingPlayer(rtmp(at, stream)),
  },
  nodeMediaServer: {
    name: "node-media-server's RTMP client",
    protocol: "rtmp",
    hands: "exact",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: true,
    play: (at, stream) => new NodeMediaServerPlayer(rtmp(at, stream)),
  },
  curl: {
    name: "curl over HTTP-FLV",
    program: "curl",
    protocol: "http-flv",
    hands: "exact",
    endsWith: [0],
    refusedWith: [22],
    anyCodec: true,
    play: (at, stream) => new FlvPlayer("curl", "curl", ["-sSfLN", http(at, stream)]),
  },
  ffmpegHttp: {
    name: "ffmpeg -c copy over HTTP-FLV",
    program: "ffmpeg",
    protocol: "http-flv",
    hands: "per-track",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: false,
    play: (at, stream) => ffmpegCopy(http(at, stream)),
  },
  mpegts: {
    name: "mpegts.js over HTTP-FLV",
    program: "chromium",
    protocol: "http-flv",
    hands: "time",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: false,
    play: (at, stream) => new MpegtsPlayer(http(at, stream)),
  },
  mpegtsWebSocket: {
    name: "mpegts.js over WS-FLV",
    program: "chromium",
    protocol: "ws-flv",
    hands: "time",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: false,
    play: (at, stream) => new MpegtsPlayer(ws(at, stream)),
  },
  webSocket: {
    name: "a WebSocket",
    protocol: "ws-flv",
    hands: "exact",
    endsWith: [1000],
    refusedWith: [1006],
    anyCodec: true,
    play: (at, stream) => new WebSocketPlayer(ws(at, stream)),
  },
  wire: {
    name: "a plain RTMP client",
    protocol: "rtmp",
    hands: "exact",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: true,
    play: (at, stream) => new WirePlayer(at.rtmp, stream),
  },
  fleet: {
    name: "the fleet's own RTMP client",
    protocol: "rtmp",
    hands: "exact",
    endsWith: [0],
    refusedWith: [1],
    anyCodec: true,
    play: (at, stream) => new FleetPlayer(at.rtmp, stream),
  },
} satisfies Record<string, PlayerKind>;

export type PlayerName = keyof typeof PLAYERS;

/** The kinds under these names; without any, all that need no RTMPS. */
export function playerKinds(...names: PlayerName[]): PlayerKind[] {
  if (names.length > 0) return names.map((name) => PLAYERS[name]);
  return Object.values<PlayerKind>(PLAYERS).filter(({ protocol }) => protocol !== "rtmps");
}
