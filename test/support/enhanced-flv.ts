import type { FlvTag } from "./flv-file.ts";

/** A coded frame as a container had it. Times in ms, the first decoding time is 0. */
export interface CodedFrame {
  readonly track: "audio" | "video";
  readonly dts: number;
  readonly pts: number;
  readonly key: boolean;
  readonly data: Buffer;
}

/** A track's codec and its configuration record, as it stands in an MP4 sample entry. */
export interface CodedTrack {
  /** avc1, hvc1, av01, vp09, Opus, mp4a. */
  readonly codec: string;
  readonly config: Buffer;
}

export interface CodedMedia {
  readonly video?: CodedTrack;
  readonly audio?: CodedTrack;
  readonly frames: readonly CodedFrame[];
}

/**
 * Frames as the tags of Enhanced RTMP: each codec by its FourCC (AAC stays classic, as encoders send it).
 *
 * [E-RTMP v2, ExVideoTagHeader, ExAudioTagHeader]
 */
export function enhancedTags(media: CodedMedia): FlvTag[] {
  const { video, audio } = media;
  const tags: FlvTag[] = [{ type: 18, timestamp: 0, body: metadata(media) }];
  if (video) tags.push({ type: 9, timestamp: 0, body: videoBody(0, true, video.codec, [video.config]) });
  if (audio) tags.push({ type: 8, timestamp: 0, body: audioBody(0, audio.codec, audio.config) });
  for (const frame of media.frames) {
    if (frame.track === "video" && video)
      tags.push({ type: 9, timestamp: frame.dts, body: frameBody(video.codec, frame) });
    if (frame.track === "audio" && audio)
      tags.push({ type: 8, timestamp: frame.dts, body: audioBody(1, audio.codec, frame.data) });
  }
  return tags;
}

const CODED_FRAMES = 1;
const CODED_FRAMES_X = 3;

function frameBody(codec: string, frame: CodedFrame): Buffer {
  if (codec !== "hvc1" && codec !== "avc1") return videoBody(CODED_FRAMES, frame.key, codec, [frame.data]);
  const cts = frame.pts - frame.dts;
  if (cts === 0) return videoBody(CODED_FRAMES_X, frame.key, codec, [frame.data]);
  const composition = Buffer.alloc(3);
  composition.writeIntBE(cts, 0, 3);
  return videoBody(CODED_FRAMES, frame.key, codec, [composition, frame.data]);
}

function videoBody(packetType: number, key: boolean, codec: string, parts: readonly Buffer[]): Buffer {
  const first = 0x80 | ((key ? 1 : 2) << 4) | packetType;
  return Buffer.concat([Buffer.from([first]), Buffer.from(codec, "latin1"), ...parts]);
}

function audioBody(packetType: number, codec: string, data: Buffer): Buffer {
  if (codec === "mp4a") return Buffer.concat([Buffer.from([0xaf, packetType]), data]);
  return Buffer.concat([Buffer.from([(9 << 4) | packetType]), Buffer.from(codec, "latin1"), data]);
}

/** `onMetaData` with the codecs as Enhanced RTMP writes them: FourCC as a number. */
function metadata({ video, audio }: CodedMedia): Buffer {
  const values: [string, number][] = [];
  if (video) values.push(["videocodecid", Buffer.from(video.codec, "latin1").readUInt32BE(0)]);
  if (audio)
    values.push([
      "audiocodecid",
      audio.codec === "mp4a" ? 10 : Buffer.from(audio.codec, "latin1").readUInt32BE(0),
    ]);
  const count = Buffer.alloc(5);
  count[0] = 8; // ECMA array
  count.writeUInt32BE(values.length, 1);
  const entries = values.flatMap(([name, value]) => [amfName(name), amfNumber(value)]);
  return Buffer.concat([Buffer.from([2]), amfName("onMetaData"), count, ...entries, Buffer.from([0, 0, 9])]);
}

function amfName(text: string): Buffer {
  const bytes = Buffer.alloc(2 + text.length);
  bytes.writeUInt16BE(text.length, 0);
  bytes.write(text, 2, "latin1");
  return bytes;
}

function amfNumber(value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}
