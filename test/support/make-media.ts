import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { enhancedTags } from "./enhanced-flv.ts";
import type { CodedFrame, CodedMedia, CodedTrack } from "./enhanced-flv.ts";
import { readFlv } from "./flv-file.ts";
import type { FlvTag } from "./flv-file.ts";

const run = promisify(execFile);

export interface Recipe {
  readonly video?: "h264" | "hevc" | "av1" | "vp9";
  readonly audio?: "aac" | "opus";
  /** Another number gives other pictures and tones, told apart frame by frame. */
  readonly take?: number;
  readonly seconds?: number;
  /** For H.264. */
  readonly bFrames?: boolean;
  /** Of the picture, such as `320x180`. */
  readonly size?: string;
  /** For AAC. */
  readonly sampleRate?: number;
  readonly channels?: 1 | 2;
  /** A black picture and silence, with a white picture and a beep at every full second. Frames are alike. */
  readonly marks?: boolean;
}

const VIDEO_CODERS: Readonly<Record<NonNullable<Recipe["video"]>, readonly string[]>> = {
  h264: "libx264 -preset ultrafast -keyint_min 25 -sc_threshold 0 -b:v 200k -pix_fmt yuv420p".split(" "),
  hevc: "libx265 -preset ultrafast -x265-params bframes=2:keyint=25:min-keyint=25:scenecut=0:open-gop=0:info=0:log-level=none -tag:v hvc1 -pix_fmt yuv420p".split(
    " ",
  ),
  av1: "libaom-av1 -cpu-used 8 -usage realtime -b:v 200k".split(" "),
  vp9: "libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 200k -auto-alt-ref 0 -lag-in-frames 0".split(" "),
};
const AUDIO_CODERS: Readonly<Record<NonNullable<Recipe["audio"]>, readonly string[]>> = {
  aac: ["aac", "-b:a", "64k"],
  opus: ["libopus", "-b:a", "48k", "-ar", "48000"],
};
const FOURCC: Readonly<Record<string, string>> = {
  h264: "avc1",
  hevc: "hvc1",
  av1: "av01",
  vp9: "vp09",
  aac: "mp4a",
  opus: "Opus",
};

/**
 * Moving picture and tone as FLV tags, made by ffmpeg: 25 frames a second, a keyframe every second, B-frames for
 * H.264 and HEVC. H.264 and AAC in the classic form, all else by FourCC.
 */
export async function makeMedia(dir: string, recipe: Recipe): Promise<FlvTag[]> {
  const classic = (recipe.video ?? "h264") === "h264" && (recipe.audio ?? "aac") === "aac";
  const name = Object.entries(recipe).flat().join("-");
  const file = join(dir, `${name}.${classic ? "flv" : "mp4"}`);
  await run("ffmpeg", ["-v", "error", "-y", ...encodeArguments(recipe), file]);
  return classic ? readFlv(await readFile(file)) : enhancedTags(await readCoded(file));
}

function encodeArguments(recipe: Recipe): string[] {
  const { video, audio, take = 1, seconds = 60, bFrames = true, marks = false } = recipe;
  const { size = video === "h264" ? "320x180" : "160x90", sampleRate = 44_100, channels = 1 } = recipe;
  // Noise, lest a coder says twice with the same bytes that nothing changed.
  const moving = `testsrc2=s=${size}:r=25,hue=h=${take * 60},noise=alls=6:allf=t`;
  const beat = `sine=f=${180 + take * 120}:beep_factor=4:r=48000,vibrato=f=5`;
  const flash = `color=black:s=${size}:r=25,drawbox=c=white:t=fill:enable='lt(mod(t,1),0.04)'`;
  const beep = "aevalsrc='if(lt(mod(t,1),0.04),0.8*sin(6283*t),0)':s=48000";
  // Opus codes equal periods of a tone into equal packets: those could not be told apart.
  const noise = audio === "opus" ? `anoisesrc=r=48000:a=0.3:seed=${take}` : beat;
  const input = (source: string) => ["-f", "lavfi", "-i", source];
  return [
    ...(video ? input(marks ? flash : moving) : []),
    ...(audio ? input(marks ? beep : noise) : []),
    ...["-t", `${seconds}`, "-threads", "2"],
    ...(video ? ["-g", "25", "-c:v", ...VIDEO_CODERS[video]] : []),
    ...(video === "h264" ? ["-bf", bFrames ? "2" : "0"] : []),
    ...(audio ? ["-c:a", ...AUDIO_CODERS[audio]] : []),
    ...(audio === "aac" ? ["-ar", `${sampleRate}`, "-ac", `${channels}`] : []),
    ...["-fflags", "+bitexact", "-flvflags", "no_duration_filesize"],
  ];
}

interface ProbedStream {
  readonly index: number;
  readonly codec_name: string;
  readonly extradata?: string;
}
interface ProbedPacket {
  readonly stream_index: number;
  readonly pts_time: string;
  readonly dts_time: string;
  readonly flags: string;
  readonly data: string;
}

/** What a container holds: ffprobe prints every packet and configuration record as a hex dump. */
async function readCoded(file: string): Promise<CodedMedia> {
  const { stdout } = await run(
    "ffprobe",
    ["-v", "error", "-show_streams", "-show_packets", "-show_data", "-print_format", "json", file],
    { maxBuffer: 256 * 1024 * 1024 },
  );
  const probed = JSON.parse(stdout) as { streams: ProbedStream[]; packets: ProbedPacket[] };
  const tracks = new Map(probed.streams.map((stream) => [stream.index, trackOf(stream)]));
  const firstDts = Math.min(...probed.packets.map((packet) => Number(packet.dts_time)));
  const ms = (time: string) => Math.round((Number(time) - firstDts) * 1000);
  const frames = probed.packets.map((packet): CodedFrame => {
    const track = isAudio(tracks.get(packet.stream_index)) ? "audio" : "video";
    const key = packet.flags.startsWith("K");
    return {
      track,
      dts: ms(packet.dts_time),
      pts: ms(packet.pts_time),
      key,
      data: fromHexDump(packet.data),
    };
  });
  frames.sort((a, b) => a.dts - b.dts);
  const all = [...tracks.values()];
  const video = all.find((track) => !isAudio(track));
  const audio = all.find(isAudio);
  return { frames, ...(video ? { video } : {}), ...(audio ? { audio } : {}) };
}

function trackOf(stream: ProbedStream): CodedTrack {
  const codec = FOURCC[stream.codec_name] ?? stream.codec_name;
  const config = fromHexDump(stream.extradata ?? "");
  return { codec, config: codec === "vp09" && config.length === 0 ? VP9_CONFIG : config };
}

// ffprobe does not give it: VP Codec ISO Media File Format Binding 1.0, profile 0, level 2.1, 4:2:0, 8 bit.
const VP9_CONFIG = Buffer.from([1, 0, 0, 0, 0, 21, 0x82, 2, 2, 2, 0, 0]);

function isAudio(track: CodedTrack | undefined): boolean {
  return track?.codec === "mp4a" || track?.codec === "Opus";
}

/** `00000000: 0101 6000 …  ..`.` lines as bytes. */
function fromHexDump(dump: string): Buffer {
  const lines = dump.split("\n").filter((line) => /^[0-9a-f]{8}: /.test(line));
  return Buffer.from(lines.map((line) => line.slice(10, 50).replaceAll(" ", "")).join(""), "hex");
}
