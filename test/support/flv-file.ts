/** One FLV tag: an RTMP message with another frame around it. */
export interface FlvTag {
  readonly type: 8 | 9 | 18;
  /** ms, unsigned 32 bit. */
  readonly timestamp: number;
  readonly body: Buffer;
}

const FILE_HEADER = 9;
const TAG_HEADER = 11;

/** `FLV`, version 1, both tracks, and the first PreviousTagSize. */
export function flvHeader(tracks: { audio: boolean; video: boolean } = { audio: true, video: true }): Buffer {
  const flags = (tracks.audio ? 4 : 0) | (tracks.video ? 1 : 0);
  return Buffer.from([0x46, 0x4c, 0x56, 1, flags, 0, 0, 0, 9, 0, 0, 0, 0]);
}

/** A whole tag with its PreviousTagSize. */
export function flvTag(tag: FlvTag): Buffer {
  const size = tag.body.length;
  const bytes = Buffer.alloc(TAG_HEADER + size + 4);
  bytes[0] = tag.type;
  bytes.writeUIntBE(size, 1, 3);
  bytes.writeUIntBE(tag.timestamp & 0xffffff, 4, 3);
  bytes[7] = (tag.timestamp >>> 24) & 0xff;
  tag.body.copy(bytes, TAG_HEADER);
  bytes.writeUInt32BE(TAG_HEADER + size, TAG_HEADER + size);
  return bytes;
}

/**
 * Reads FLV as it arrives, and strictly: a wrong signature, tag type, stream id or PreviousTagSize is an error.
 */
export class FlvReader {
  readonly tags: FlvTag[] = [];
  #rest: Buffer = Buffer.alloc(0);
  #headerRead = false;
  #bytesRead = 0;

  /** Bytes of a tag that has not arrived as a whole. */
  get unread(): number {
    return this.#rest.length;
  }

  /** True once the file header was there. */
  get begun(): boolean {
    return this.#headerRead;
  }

  /** Add bytes. Returns the tags that are complete now; `tags` has all of them. */
  push(data: Buffer): FlvTag[] {
    this.#rest = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    const first = this.tags.length;
    if (!this.#headerRead && !this.#readHeader()) return [];
    for (let tag = this.#readTag(); tag; tag = this.#readTag()) this.tags.push(tag);
    return this.tags.slice(first);
  }

  #readHeader(): boolean {
    if (this.#rest.length < FILE_HEADER + 4) return false;
    if (this.#rest.toString("latin1", 0, 3) !== "FLV" || this.#rest[3] !== 1)
      throw new Error(`not an FLV file: ${this.#rest.subarray(0, 16).toString("hex")}`);
    const start = this.#rest.readUInt32BE(5);
    if (start !== FILE_HEADER || this.#rest.readUInt32BE(FILE_HEADER) !== 0)
      throw new Error("the FLV header is not followed by an empty PreviousTagSize");
    this.#take(FILE_HEADER + 4);
    this.#headerRead = true;
    return true;
  }

  #readTag(): FlvTag | undefined {
    const bytes = this.#rest;
    if (bytes.length < TAG_HEADER) return undefined;
    const type = bytes[0];
    if (type !== 8 && type !== 9 && type !== 18)
      throw new Error(`FLV tag type ${type} at byte ${this.#bytesRead}`);
    if (bytes.readUIntBE(8, 3) !== 0) throw new Error(`FLV stream id is not 0 at byte ${this.#bytesRead}`);
    const size = bytes.readUIntBE(1, 3);
    const end = TAG_HEADER + size;
    if (bytes.length < end + 4) return undefined;
    if (bytes.readUInt32BE(end) !== end)
      throw new Error(`PreviousTagSize ${bytes.readUInt32BE(end)}, not ${end}, at byte ${this.#bytesRead}`);
    const timestamp = ((bytes[7] as number) << 24) | bytes.readUIntBE(4, 3);
    this.#take(end + 4);
    return { type, timestamp: timestamp >>> 0, body: bytes.subarray(TAG_HEADER, end) };
  }

  #take(count: number): void {
    this.#rest = this.#rest.subarray(count);
    this.#bytesRead += count;
  }
}

/** The tags of a whole file. */
export function readFlv(bytes: Buffer): FlvTag[] {
  const reader = new FlvReader();
  reader.push(bytes);
  if (reader.unread > 0) throw new Error(`the FLV file ends in the middle of a tag (${reader.unread} bytes)`);
  return reader.tags;
}
