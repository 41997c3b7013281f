import { beginTag, endTag } from "./tag.ts";

const EXTENDED = 0xff_ffff;
/** A type 0 header of a chunk stream whose id is one byte, as all are that players get. [RTMP 1.0 §5.3.1] */
const HEADER_BYTES = 12;
const EXTENDED_BYTES = 4;

/**
 * Messages as FLV tags, read back from the chunks that RTMP players get: so a channel keeps its messages in one form.
 *
 * @param chunks  whole messages, as {@link writeChunks} writes them
 * @param bytes  how long the tags are together
 */
export function tagsOf(chunks: Buffer, chunkSize: number, bytes: number): Buffer {
  const out = Buffer.allocUnsafe(bytes);
  let from = 0;
  let to = 0;
  while (from < chunks.length) {
    const field = chunks.readUIntBE(from + 1, 3);
    const size = chunks.readUIntBE(from + 4, 3);
    const extended = field === EXTENDED;
    const timestamp = extended ? chunks.readUInt32BE(from + HEADER_BYTES) : field;
    const repeated = extended ? EXTENDED_BYTES : 0;
    to = beginTag(out, to, chunks[from + 7] as number, timestamp, size);
    from += HEADER_BYTES + repeated;
    for (let done = 0; done < size; done += chunkSize) {
      if (done > 0) from += 1 + repeated;
      const end = from + Math.min(chunkSize, size - done);
      to += chunks.copy(out, to, from, end);
      from = end;
    }
    to = endTag(out, to, size);
  }
  return out;
}
