/** Memory taken for a message that does not lie whole in one buffer, until more of it has arrived. */
const FIRST_BYTES = 16_384;

/** What the reader knows of one chunk stream: its last header, and the message that is arriving. */
export class ChunkStream {
  readonly id: number;
  type = 0;
  streamId = 0;
  /** Of the whole message, as declared. */
  length = 0;
  /** Absolute time of the message, unsigned 32 bit. */
  timestamp = 0;
  /** The last header's timestamp (type 0) or delta (types 1, 2), the extended one where there is one. */
  field = 0;
  extended = false;
  /** True from the header of a message to its last byte. */
  open = false;
  received = 0;
  #buffer: Buffer | undefined;

  constructor(id: number) {
    this.id = id;
  }

  /** Memory that the unfinished message takes. */
  get capacity(): number {
    return this.#buffer?.length ?? 0;
  }

  /** Memory needed to take `bytes` more: grows with what has arrived, whatever length was declared. */
  capacityFor(bytes: number): number {
    const needed = this.received + bytes;
    const capacity = this.capacity;
    if (needed <= capacity) return capacity;
    return Math.min(this.length, Math.max(needed, capacity * 2, FIRST_BYTES));
  }

  append(data: Buffer, start: number, end: number, capacity: number): void {
    let buffer = this.#buffer;
    if (buffer === undefined || buffer.length < capacity) {
      const larger = Buffer.allocUnsafeSlow(capacity);
      buffer?.copy(larger, 0, 0, this.received);
      this.#buffer = buffer = larger;
    }
    data.copy(buffer, this.received, start, end);
    this.received += end - start;
  }

  /** End the message. Returns its payload; an unfinished one's is of no use. */
  finish(): Buffer {
    const payload = this.#buffer ?? Buffer.alloc(0);
    this.#buffer = undefined;
    this.received = 0;
    this.open = false;
    return payload;
  }

  /**
   * Whether a type 3 chunk of an extended stream carries the timestamp again: 4 when it does, 0 when it does not,
   * `undefined` when more bytes are needed to tell.
   *
   * The specification, FMS, FFmpeg and SRS repeat it; old librtmp and some encoders do not, and there the payload
   * goes on at once. Like SRS, compare with what would be repeated: the field, or the absolute time that
   * some send after a delta. [RTMP 1.0 §5.3.1.3]
   */
  repeatsTimestamp(bytes: Buffer, start: number, end: number): 4 | 0 | undefined {
    const available = Math.min(4, end - start);
    if (!begins(bytes, start, available, this.field) && !begins(bytes, start, available, this.timestamp))
      return 0;
    return available === 4 ? 4 : undefined;
  }
}

/** Whether the first `count` bytes of a big-endian `value` stand at `start`. */
function begins(bytes: Buffer, start: number, count: number, value: number): boolean {
  for (let index = 0; index < count; index++)
    if (bytes[start + index] !== ((value >>> (24 - 8 * index)) & 0xff)) return false;
  return true;
}
