import { readAacFormat, type AacFormat } from "./aac.ts";
import { Avc } from "./avc.ts";
import { Hevc } from "./hevc.ts";
import type { SdpMedia, SessionDescription } from "./node-media-server.ts";
import type { VideoFormat } from "./video-format.ts";

/** A track to be pulled. */
export type Track = {
  readonly media: SdpMedia;
  /** Where it is set up. */
  readonly uri: string;
} & (
  | { readonly kind: "video"; readonly format: VideoFormat }
  | { readonly kind: "audio"; readonly format: AacFormat }
);

export interface TrackChoice {
  /** One video and one audio track at most. */
  readonly chosen: readonly Track[];
  /** Names of the codecs that cannot be passed on. */
  readonly leftOut: readonly string[];
}

const LONGEST_URI = 4_096;
const VIDEO_RATE = 90_000;
const MOST_SETS = 16;

/**
 * Choose what can be passed on: the first H.264 or H.265 track, and the first AAC one.
 *
 * @param base  what relative control URIs are relative to
 */
export function chooseTracks({ media }: SessionDescription, base: string): TrackChoice {
  const chosen: Track[] = [];
  const leftOut: string[] = [];
  for (const entry of media) {
    if (entry.kind !== "video" && entry.kind !== "audio") continue;
    const track = entry.inactive ? undefined : trackOf(entry, base);
    if (!track) leftOut.push(nameOf(entry));
    else if (!chosen.some(({ kind }) => kind === track.kind)) chosen.push(track);
  }
  return { chosen, leftOut };
}

/** A control URI as servers mean it: appended, whatever RFC 3986 says of the base. @see RFC 2326 §C.1.1 */
export function controlUri(control: string, base: string): string | undefined {
  if (control === "" || control === "*") return base;
  // It goes into a request line.
  if (!/^[\u0021-\u007e]+$/.test(control) || control.length > LONGEST_URI) return undefined;
  if (/^rtsp:\/\//i.test(control)) return control;
  return base.endsWith("/") || control.startsWith("/") ? `${base}${control}` : `${base}/${control}`;
}

function trackOf(media: SdpMedia, base: string): Track | undefined {
  const uri = controlUri(media.control, base);
  if (uri === undefined) return undefined;
  if (media.kind === "audio") {
    const format = media.codec === "MPEG4-GENERIC" && media.clockRate > 0 ? readAacFormat(media) : undefined;
    return format && { media, uri, kind: "audio", format };
  }
  if (media.clockRate !== VIDEO_RATE) return undefined;
  if (media.codec === "H264") return { media, uri, kind: "video", format: avcOf(media) };
  if (media.codec === "H265") return { media, uri, kind: "video", format: hevcOf(media) };
  return undefined;
}

function avcOf({ parameters }: SdpMedia): Avc {
  const format = new Avc();
  for (const nal of setsOf(parameters.get("sprop-parameter-sets")))
    if (format.roleOf(nal) === "parameters") format.learn(nal);
  return format;
}

function hevcOf({ parameters }: SdpMedia): Hevc {
  const format = new Hevc();
  for (const name of ["sprop-vps", "sprop-sps", "sprop-pps"])
    for (const nal of setsOf(parameters.get(name)))
      if (format.roleOf(nal) === "parameters") format.learn(nal);
  return format;
}

function setsOf(text = ""): Buffer[] {
  return text
    .split(",", MOST_SETS)
    .map((part) => Buffer.from(part.trim(), "base64"))
    .filter((nal) => nal.length > 0);
}

/** Only what a codec's name may have: it goes into logs. */
function nameOf({ codec, kind, inactive }: SdpMedia): string {
  if (inactive) return `inactive ${kind}`;
  const name = codec.replaceAll(/[^A-Z0-9.+-]/g, "").slice(0, 32);
  return name === "" ? kind : name;
}
