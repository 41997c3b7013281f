import type { AmfObject } from "../../rtmp/amf0.ts";
import { encodeAmf0 } from "../../rtmp/amf0-encode.ts";
import type { Track } from "./tracks.ts";

/** onMetaData for tracks: players and the channel learn from it what to wait for. */
export function metadataOf(tracks: readonly Track[]): Buffer {
  const properties: AmfObject = {};
  for (const { kind, format } of tracks) {
    if (kind === "audio") {
      Object.assign(properties, {
        audiocodecid: 10,
        audiosamplerate: format.sampleRate,
        audiosamplesize: 16,
        stereo: format.channels !== 1,
      });
      continue;
    }
    const { width = 0, height = 0 } = format.info ?? {};
    const size = width > 0 && height > 0 ? { width, height } : {};
    Object.assign(properties, { videocodecid: format.metadataId }, size);
  }
  return encodeAmf0("onMetaData", properties);
}
