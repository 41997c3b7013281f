import type { SpsInfo } from "./avc-sps.ts";
import type { UnitBuffer } from "./unit-buffer.ts";

/**
 * What a NAL unit is to whoever puts pictures together.
 *
 * `parameters`: belongs into the sequence header. `key`: part of a picture that a decoder can begin with. `leading`: of
 * one that needs pictures before such a one. `extra`: goes along with a picture. `junk`: nobody needs it.
 */
export type NalRole = "parameters" | "key" | "picture" | "leading" | "extra" | "junk";

/** A video codec: how RTP carries it, and how FLV and RTMP do. */
export interface VideoFormat {
  /** Bytes in front of a frame's access unit. */
  readonly room: number;
  /** What the newest parameter sets say; `undefined` before. */
  readonly info: SpsInfo | undefined;
  /** The payload of the sequence header; `undefined` before all parameter sets are known. Another object after a change. */
  readonly sequenceHeader: Buffer | undefined;
  /** The video codec id of onMetaData. */
  readonly metadataId: number;
  /**
   * Take the payload of an RTP packet apart.
   *
   * @param onNal  called with each whole NAL unit of the buffer
   * @returns whether it fits to what came before
   */
  unpack(payload: Buffer, unit: UnitBuffer, onNal: (nal: Buffer) => void): boolean;
  roleOf(nal: Buffer): NalRole;
  /** Whether a part of a picture is its first. */
  isFirst(nal: Buffer): boolean;
  /** Remember a parameter set. */
  learn(nal: Buffer): void;
  /** Write the first `room` bytes of a frame. */
  writeHead(frame: Buffer, key: boolean, compositionTime: number): void;
}

/** Longest parameter set. */
const MOST_BYTES = 4_096;
/** Sets of one kind: encoders use one or two. */
const MOST_SETS = 16;

/** Parameter sets of one kind by their id, newest wins. */
export class ParameterSets {
  readonly #sets = new Map<number, Buffer>();

  /** @returns whether something is different now */
  put(id: number, nal: Buffer): boolean {
    const known = this.#sets.get(id);
    if (nal.length > MOST_BYTES || known?.equals(nal) || (!known && this.#sets.size >= MOST_SETS))
      return false;
    this.#sets.set(id, Buffer.from(nal));
    return true;
  }

  get all(): readonly Buffer[] {
    return [...this.#sets.values()];
  }
}

/** Each set behind its length in two bytes. */
export function sized(sets: readonly Buffer[]): Buffer[] {
  return sets.flatMap((set) => {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(set.length);
    return [length, set];
  });
}
