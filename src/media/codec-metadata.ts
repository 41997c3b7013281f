import { decodeAmf0 } from "./rtmp/amf0-decode.ts";
import { isAmfObject, type AmfObject, type AmfValue } from "./rtmp/amf0.ts";

/** What `onMetaData` promises. It may be wrong: encoders write it before they know. */
export interface PromisedTracks {
  readonly audio: boolean;
  readonly video: boolean;
}

/** Nobody announces tracks with more; it would only cost time. */
const LONGEST_BYTES = 65_536;
const LIMITS = Object.freeze({ depth: 16, elements: 1_024 });

/**
 * Which tracks an `onMetaData` announces.
 *
 * @returns `undefined` when it cannot be read or speaks of neither
 */
export function promisedTracks(payload: Buffer): PromisedTracks | undefined {
  const values = propertiesOf(payload);
  if (!values) return undefined;
  const video = said(values["videocodecid"]) || (said(values["width"]) && said(values["height"]));
  const audio = said(values["audiocodecid"]) || said(values["audiosamplerate"]);
  return video || audio ? { audio, video } : undefined;
}

function propertiesOf(payload: Buffer): AmfObject | undefined {
  if (payload.length > LONGEST_BYTES) return undefined;
  try {
    return decodeAmf0(payload, LIMITS).find(isAmfObject);
  } catch {
    // Passed on as it came; it only says nothing to us.
    return undefined;
  }
}

/** FFmpeg and OBS write a number, some write the name. 0 stands for "none". */
function said(value: AmfValue): boolean {
  return (typeof value === "number" && value > 0) || (typeof value === "string" && value !== "");
}
