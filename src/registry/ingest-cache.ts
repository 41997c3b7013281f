import type { IngestRecord } from "../domain/ingest.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import { decodeIngest } from "./ingest-codec.ts";

interface Known {
  readonly text: string;
  readonly record: IngestRecord | undefined;
}

/** So many texts beside those that were read last are kept. */
const SPARE = 1_000;

/**
 * Decodes records, and remembers what the last text of each meant: most of what is read every second is as it was.
 *
 * It saves the work, never the question: nothing that it returns is older than the text given.
 */
export class IngestCache {
  #known = new Map<StreamKey, Known>();

  /** @param texts `ingests-read`'s answer for these streams, in their order */
  decode(streams: readonly StreamKey[], texts: readonly string[]): (IngestRecord | undefined)[] {
    if (this.#known.size > streams.length + SPARE) this.#known = new Map();
    return streams.map((stream, index) => {
      const text = texts[index] ?? "";
      const known = this.#known.get(stream);
      if (known?.text === text) return known.record;
      const record = decodeText(text);
      if (record) this.#known.set(stream, { text, record });
      else this.#known.delete(stream);
      return record;
    });
  }
}

function decodeText(text: string): IngestRecord | undefined {
  const hash: unknown = text === "" ? [] : JSON.parse(text);
  return decodeIngest(Array.isArray(hash) ? hash : []);
}
