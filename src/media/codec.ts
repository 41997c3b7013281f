/**
 * Names of codecs: the FourCC of Enhanced RTMP also where the classic form has a number, so that `avc1` is `avc1`
 * in both. [E-RTMP v2, VideoFourCc, AudioFourCc]
 */
const VIDEO_FOURCC = ["avc1", "hvc1", "av01", "vp08", "vp09", "vvc1"] as const;
const AUDIO_FOURCC = ["mp4a", "Opus", "fLaC", "ac-3", "ec-3", ".mp3"] as const;

/** Video codec ids of the FLV specification [FLV 10.1 §E.4.3.1]; 12 is what encoders use for HEVC. */
const CLASSIC_VIDEO: Readonly<Record<number, string>> = Object.freeze({
  2: "h263",
  3: "screen",
  4: "vp6",
  5: "vp6",
  6: "screen",
  7: "avc1",
  12: "hvc1",
});

/** Sound formats of the FLV specification [FLV 10.1 §E.4.2.1]; 13 is what some encoders use for Opus. */
const CLASSIC_AUDIO: Readonly<Record<number, string>> = Object.freeze({
  0: "pcm",
  1: "adpcm",
  2: ".mp3",
  3: "pcm",
  4: "nellymoser",
  5: "nellymoser",
  6: "nellymoser",
  7: "alaw",
  8: "ulaw",
  10: "mp4a",
  11: "speex",
  13: "Opus",
  14: ".mp3",
});

const UNKNOWN_VIDEO = "video";
const UNKNOWN_AUDIO = "audio";
const AUDIO_NAMES: ReadonlySet<string> = new Set([
  ...AUDIO_FOURCC,
  ...Object.values(CLASSIC_AUDIO),
  UNKNOWN_AUDIO,
]);

const numberOf = (name: string): number => Buffer.from(name, "latin1").readUInt32BE(0);
const BY_NUMBER: ReadonlyMap<number, string> = new Map(
  [...VIDEO_FOURCC, ...AUDIO_FOURCC].map((name) => [numberOf(name), name]),
);

/** Name of a classic video codec id. */
export function classicVideoCodec(id: number): string {
  return CLASSIC_VIDEO[id] ?? UNKNOWN_VIDEO;
}

/** Name of a classic sound format. */
export function classicAudioCodec(format: number): string {
  return CLASSIC_AUDIO[format] ?? UNKNOWN_AUDIO;
}

/**
 * Name of the FourCC at `at`, which must lie inside the payload. One that is not known is `video` or `audio`:
 * the name goes into logs and the registry, where a stranger's bytes have no place.
 */
export function fourCcAt(payload: Buffer, at: number, type: "audio" | "video"): string {
  return BY_NUMBER.get(payload.readUInt32BE(at)) ?? (type === "audio" ? UNKNOWN_AUDIO : UNKNOWN_VIDEO);
}

/** Which tracks a codecs string such as `avc1,mp4a` stands for. */
export function tracksOf(codecs: string): { readonly audio: boolean; readonly video: boolean } {
  const names = codecs === "" ? [] : codecs.split(",");
  return {
    audio: names.some((name) => AUDIO_NAMES.has(name)),
    video: names.some((name) => !AUDIO_NAMES.has(name)),
  };
}
