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
 * Write the header of a tag. [FLV 10.1 §E.4.1]
 *
 * @param size  of the body
 * @returns where the body goes
 * @throws RangeError when the body is longer than a tag can say
 */
export function beginTag(out: Buffer, at: number, type: number, timestamp: number, size: number): number {
  if (size > MAX_TAG_BODY) throw new RangeError(`a tag of ${size} bytes is too long`);
  out[at] = type;
  out[at + 1] = size >>> 16;
  out[at + 2] = size >>> 8;
  out[at + 3] = size;
  out[at + 4] = timestamp >>> 16;
  out[at + 5] = timestamp >>> 8;
  out[at + 6] = timestamp;
  out[at + 7] = timestamp >>> 24;
  out[at + 8] = 0;
  out[at + 9] = 0;
  out[at + 10] = 0;
  return at + HEADER_BYTES;
}

/** Write the PreviousTagSize behind a body of `size` bytes. Returns where the next tag goes. */
export function endTag(out: Buffer, at: number, size: number): number {
  return out.writeUInt32BE(HEADER_BYTES + size, at);
}
