import type { Change } from "./succession.ts";

/** What may change at a swap, beside the encoder and its clock. */
export const CHANGES = {
  nothing: { name: "in the same form" },
  larger: {
    name: "with a larger picture and no B-frames any more",
    second: { video: "h264", audio: "aac", size: "640x360", bFrames: false },
  },
  deeper: {
    name: "with B-frames and a smaller picture",
    first: { video: "h264", audio: "aac", bFrames: false },
    second: { video: "h264", audio: "aac", size: "192x108" },
  },
  sound: {
    name: "with stereo sound at another rate",
    second: { video: "h264", audio: "aac", sampleRate: 48_000, channels: 2 },
  },
  hevc: {
    name: "with HEVC instead of H.264",
    second: { video: "hevc", audio: "aac" },
  },
  h264: {
    name: "with H.264 and AAC instead of HEVC and Opus",
    first: { video: "hevc", audio: "opus" },
  },
  soundAlone: {
    name: "without a picture any more",
    second: { audio: "aac" },
  },
} as const satisfies Record<string, Change>;
