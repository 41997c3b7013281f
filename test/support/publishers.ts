import { FleetPublisher } from "./fleet-client.ts";
import type { FlvTag } from "./flv-file.ts";
import type { FeedOptions } from "./media-feed.ts";
import type { Recipe } from "./make-media.ts";
import type { CompareRules } from "./packet-compare.ts";
import type { ServerAddress } from "./players.ts";
import { ProgramPublisher } from "./publisher.ts";
import type { Publisher } from "./publisher.ts";
import { WirePublisher } from "./wire-publisher.ts";

export interface PublisherKind {
  /** Begins a sentence. */
  readonly name: string;
  /** Whether it hands tags on as they are, or muxes them anew. */
  readonly hands: CompareRules["order"];
  /** ms by which it may round timestamps. */
  readonly tolerance: number;
  /** Takes codecs by FourCC, or looks at no codec. */
  readonly anyCodec: boolean;
  /** What it cannot do is left out of its media. */
  readonly prefers?: Partial<Recipe>;
  /** What must be installed for it. */
  readonly program?: string;
  readonly publish: (
    at: ServerAddress,
    stream: string,
    tags: readonly FlvTag[],
    options?: FeedOptions,
  ) => Publisher;
}

const hasVideo = (tags: readonly FlvTag[]) => tags.some(({ type }) => type === 9);
const hasAudio = (tags: readonly FlvTag[]) => tags.some(({ type }) => type === 8);

const ffmpegTo = (url: string) => [
  ...["-v", "warning", "-nostdin", "-analyzeduration", "500000", "-f", "flv", "-i", "pipe:0", "-c", "copy"],
  ...["-f", "flv", "-flvflags", "no_duration_filesize", url],
];

/** Every client that publishes in these tests, fed with the same prepared media. */
export const PUBLISHERS = {
  ffmpeg: {
    name: "ffmpeg",
    program: "ffmpeg",
    hands: "per-track",
    tolerance: 0,
    anyCodec: false,
    publish: (at, stream, tags, options) =>
      new ProgramPublisher("ffmpeg", ffmpegTo(`rtmp://${at.rtmp}/${stream}`), tags, options),
  },
  ffmpegTls: {
    name: "ffmpeg over RTMPS",
    program: "ffmpeg",
    hands: "per-track",
    tolerance: 0,
    anyCodec: false,
    publish: (at, stream, tags, options) =>
      new ProgramPublisher("ffmpeg", ffmpegTo(`rtmps://${at.rtmps}/${stream}`), tags, options),
  },
  gstreamer: {
    name: "GStreamer's rtmp2sink",
    // flvdemux starts its segment at the first PTS: with B-frames the first DTSs come before it and are clipped.
    prefers: { bFrames: false },
    program: "gst-launch-1.0",
    hands: "per-track",
    tolerance: 1,
    anyCodec: false,
    publish: (at, stream, tags, options) =>
      new ProgramPublisher(
        "gst-launch-1.0",
        [
          ...["-q", "fdsrc", "fd=0", "!", "flvdemux", "name=d"],
          ...(hasVideo(tags) ? ["d.video", "!", "queue", "!", "m.video"] : []),
          ...(hasAudio(tags) ? ["d.audio", "!", "queue", "!", "m.audio"] : []),
          ...["flvmux", "name=m", "streamable=true", "!", "rtmp2sink", "sync=false"],
          `location=rtmp://${at.rtmp}/${stream}`,
        ],
        tags,
        options,
      ),
  },
  curl: {
    name: "curl, posting FLV",
    program: "curl",
    hands: "exact",
    tolerance: 0,
    anyCodec: true,
    publish: (at, stream, tags, options) =>
      new ProgramPublisher(
        "curl",
        ["-sSfN", "-X", "POST", "-T", "-", "-H", "Expect:", `http://${at.http}/${stream}.flv`],
        tags,
        options,
      ),
  },
  wire: {
    name: "a plain RTMP client",
    hands: "exact",
    tolerance: 0,
    anyCodec: true,
    publish: (at, stream, tags, options) => new WirePublisher(at.rtmp, stream, tags, options),
  },
  fleet: {
    name: "the fleet's own RTMP client",
    hands: "exact",
    tolerance: 0,
    anyCodec: true,
    publish: (at, stream, tags, options) => new FleetPublisher(at.rtmp, stream, tags, options),
  },
} satisfies Record<string, PublisherKind>;

export type PublisherName = keyof typeof PUBLISHERS;
