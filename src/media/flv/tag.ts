/** Tag types. [FLV 10.1 §E.4.1] */
export const TAG = Object.freeze({ audio: 8, video: 9, data: 18 });

export type TagType = (typeof TAG)[keyof typeof TAG];

/** One FLV tag: an RTMP message in another frame. */
export interface FlvTag {
  readonly type: TagType;
  /** ms, unsigned 32 bit. */
  readonly timestamp: number;
  readonly payload: Buffer;
}

const HEADER_BYTES = 11;
const PREVIOUS_TAG_SIZE_BYTES = 4;
/** Largest body that a tag can express. */
export const MAX_TAG_BODY = 0xff_ffff;

/** The beginning of an FLV file, with the PreviousTagSize of no tag. [FLV 10.1 §E.2] */
export function flvFileHeader(tracks: { readonly audio: boolean; readonly video: boolean }): Buffer {
  const flags = (tracks.audio ? 4 : 0) | (tracks.video ? 1 : 0);
  return Buffer.from([0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, 9, 0, 0, 0, 0]);
}

/** Bytes of a tag with its PreviousTagSize. */
export function tagBytes(bodyBytes: number): number {
  return HEADER_BYTES + bodyBytes + PREVIOUS_TAG_SIZE_BYTES;
}

/**
 * Write a tag and its PreviousTagSize. [FLV 10.1 §E.4.1]
 *
 * @returns where the next one goes
 * @throws RangeError when the body is longer than a tag can say
 */
export function writeTag(out: Buffer, start: number, { type, timestamp, payload }: FlvTag): number {
  const size = payload.length;
  if (size > MAX_TAG_BODY) throw new RangeError(`a tag of ${size} bytes is too long`);
  out[start] = type;
  out[start + 1] = size >>> 16;
  out[start + 2] = size >>> 8;
  out[start + 3] = size;
  out[start + 4] = timestamp >>> 16;
  out[start + 5] = timestamp >>> 8;
  out[start + 6] = timestamp;
  out[start + 7] = timestamp >>> 24;
  out[start + 8] = 0;
  out[start + 9] = 0;
  out[start + 10] = 0;
  payload.copy(out, start + HEADER_BYTES);
  return out.writeUInt32BE(HEADER_BYTES + size, start + HEADER_BYTES + size);
}
