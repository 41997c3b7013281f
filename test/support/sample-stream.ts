import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { encodeAmf0 } from "../../src/media/rtmp/amf0-encode.ts";
import { flvHeader, flvTag } from "./flv-file.ts";
import { audioFrame, audioHeader, videoFrame, videoHeader } from "./sample-media.ts";
import type { SampleAudio, SampleForm, SampleVideo } from "./sample-media.ts";

export interface SampleStream {
  /** `false` for none. */
  readonly video?: SampleVideo | false;
  readonly audio?: SampleAudio | false;
  readonly form?: SampleForm;
  /** ms of media. */
  readonly duration?: number;
  /** ms between two pictures. */
  readonly every?: number;
  /** Pictures between two keyframes. */
  readonly gop?: number;
  /** Timestamp of the first frame. Headers carry 0, as many encoders send them. */
  readonly start?: number;
  /** Number of the first frame: another one gives other payloads. */
  readonly number?: number;
  /** Leave `onMetaData` out. */
  readonly metadata?: boolean;
  /** Least size of a picture. */
  readonly bytes?: number;
}

const AUDIO_FRAME_MS = 1024 / 48;
const CLASSIC_IDS: Readonly<Record<string, number>> = { avc1: 7, hvc1: 12, mp4a: 10, ".mp3": 2 };

/** A whole stream: metadata, headers, then pictures and sound by their time. */
export function sampleStream(options: SampleStream = {}): MediaPacket[] {
  const { video = "avc1", audio = "mp4a", duration = 2_000, every = 40, gop = 25 } = options;
  const { start = 0, number = 1, bytes = 0 } = options;
  const form = options.form ? { form: options.form } : {};
  const frames: MediaPacket[] = [];
  for (let at = 0, index = 0; video && at < duration; at += every, index++) {
    const payload = videoFrame({
      codec: video,
      key: index % gop === 0,
      number: number + index,
      bytes,
      ...form,
    });
    frames.push({ type: "video", timestamp: start + at, payload });
  }
  for (let index = 0; audio && index * AUDIO_FRAME_MS < duration; index++) {
    const payload = audioFrame({ codec: audio, number: number + index, ...form });
    frames.push({ type: "audio", timestamp: start + Math.floor(index * AUDIO_FRAME_MS), payload });
  }
  // Stable: a picture comes before the sound of the same moment.
  frames.sort((a, b) => a.timestamp - b.timestamp);
  const heads: MediaPacket[] = [];
  if (options.metadata !== false) heads.push(metadata(video, audio, options.form));
  if (video) heads.push({ type: "video", timestamp: 0, payload: videoHeader(video, options.form) });
  if (audio && audio !== ".mp3")
    heads.push({ type: "audio", timestamp: 0, payload: audioHeader(audio, options.form) });
  return [...heads, ...frames].map((packet) => ({ ...packet, timestamp: packet.timestamp >>> 0 }));
}

/** `onMetaData` with what ffmpeg and OBS put into it. */
export function metadata(
  video: SampleVideo | false,
  audio: SampleAudio | false,
  form?: SampleForm,
): MediaPacket {
  const values: Record<string, number> = {};
  if (video)
    Object.assign(values, { width: 64, height: 64, framerate: 25, videocodecid: codecId(video, form) });
  if (audio) Object.assign(values, { audiosamplerate: 48_000, audiocodecid: codecId(audio, form) });
  return { type: "data", timestamp: 0, payload: encodeAmf0("onMetaData", values) };
}

/** The packets as an FLV file. */
export function sampleFlv(packets: readonly MediaPacket[]): Buffer {
  const has = (type: string) => packets.some((packet) => packet.type === type);
  const types = { audio: 8, video: 9, data: 18 } as const;
  const tags = packets.map(({ type, timestamp, payload }) =>
    flvTag({ type: types[type], timestamp, body: payload }),
  );
  return Buffer.concat([flvHeader({ audio: has("audio"), video: has("video") }), ...tags]);
}

function codecId(codec: string, form: SampleForm | undefined): number {
  const classic = CLASSIC_IDS[codec];
  return classic !== undefined && form !== "enhanced"
    ? classic
    : Buffer.from(codec, "latin1").readUInt32BE(0);
}
