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
    const { width, height, metadataId } = format;
    Object.assign(properties, { videocodecid: metadataId }, width > 0 && height > 0 ? { width, height } : {});
  }
  return encodeAmf0("onMetaData", properties);
}
