import { HoldfastError } from "../../domain/errors.ts";
import type { MemoryBudget } from "../memory-budget.ts";
import { TAG, type FlvTag, type TagType } from "./tag.ts";

const FILE_HEADER_BYTES = 9;
/** PreviousTagSize, which says nothing new, and the header of the next tag. */
const BETWEEN_BYTES = 15;
/** The file header may be longer than it is today, not without bound. */
const MOST_HEADER_BYTES = 1_024;
const FIRST_PIECE_BYTES = 65_536;
const ENCRYPTED = 0x20;
const TYPES: ReadonlySet<number> = new Set<number>(Object.values(TAG));

/** What arrives next. */
type State = "file header" | "header rest" | "between" | "body" | "skipped body";

/**
 * Reads an FLV stream as it arrives. Tags of other types than audio, video and data are skipped, and so are those
 * without a body.
 *
 * Takes memory for what has arrived, not for what a header announces. A payload is a view of what was pushed where it
 * lies whole in it; who keeps one copies it (`ownBytes`).
 *
 * @see FLV 10.1 §E.2 to §E.4
 */
export class FlvDemuxer {
  readonly #mostTagBytes: number;
  readonly #budget: MemoryBudget | undefined;
  readonly #onTag: (tag: FlvTag) => void;
  /** The piece of fixed length that is arriving. */
  readonly #held = Buffer.alloc(BETWEEN_BYTES);
  #heldBytes = 0;
  #state: State = "file header";
  #type: TagType = TAG.data;
  #timestamp = 0;
  /** Bytes of the body, or of what is skipped, that are still to come. */
  #left = 0;
  #size = 0;
  #body: Buffer | undefined;

  /**
   * @param mostTagBytes  longest body of a tag
   * @param budget  where the memory of a tag is taken from that does not arrive whole
   */
  constructor(mostTagBytes: number, onTag: (tag: FlvTag) => void, budget?: MemoryBudget) {
    this.#mostTagBytes = mostTagBytes;
    this.#budget = budget;
    this.#onTag = onTag;
  }

  /** True at the very beginning or after a whole tag: the stream may end here. */
  get complete(): boolean {
    if (this.#state === "file header") return this.#heldBytes === 0;
    return this.#state === "between" && (this.#heldBytes === 0 || this.#heldBytes === 4);
  }

  /**
   * Take what arrived. The buffer belongs to the demuxer from now on.
   *
   * @throws HoldfastError `PROTOCOL_VIOLATION` when it is not FLV, `LIMIT_EXCEEDED` when a tag is too long or the
   *         budget is exhausted. Push no more then, and `stop`.
   */
  push(data: Buffer): void {
    let at = 0;
    while (at < data.length) at = this.#take(data, at);
  }

  /** Give the memory of an unfinished tag back. Push nothing after this. */
  stop(): void {
    this.#budget?.give(this.#body?.length ?? 0);
    this.#body = undefined;
  }

  #take(data: Buffer, at: number): number {
    switch (this.#state) {
      case "file header":
        return this.#hold(data, at, FILE_HEADER_BYTES, () => this.#fileHeader());
      case "between":
        return this.#hold(data, at, BETWEEN_BYTES, () => this.#tagHeader());
      case "header rest":
      case "skipped body": {
        const end = Math.min(data.length, at + this.#left);
        this.#left -= end - at;
        if (this.#left === 0) this.#state = "between";
        return end;
      }
      case "body":
        return this.#takeBody(data, at);
    }
  }

  #hold(data: Buffer, at: number, bytes: number, whole: () => void): number {
    const end = Math.min(data.length, at + bytes - this.#heldBytes);
    data.copy(this.#held, this.#heldBytes, at, end);
    this.#heldBytes += end - at;
    if (this.#heldBytes === bytes) {
      this.#heldBytes = 0;
      whole();
    }
    return end;
  }

  #fileHeader(): void {
    const start = this.#held.readUInt32BE(5);
    if (this.#held.toString("latin1", 0, 3) !== "FLV")
      throw violation("this is not FLV: the signature is missing");
    if (start < FILE_HEADER_BYTES || start > MOST_HEADER_BYTES)
      throw violation("the FLV header has an impossible length");
    this.#left = start - FILE_HEADER_BYTES;
    this.#state = this.#left > 0 ? "header rest" : "between";
  }

  #tagHeader(): void {
    const head = this.#held.subarray(4);
    const type = (head[0] as number) & 0x1f;
    if (((head[0] as number) & ENCRYPTED) !== 0) throw violation("encrypted FLV tags cannot be played");
    const size = head.readUIntBE(1, 3);
    if (size > this.#mostTagBytes)
      throw new HoldfastError("LIMIT_EXCEEDED", { detail: `an FLV tag of ${size} bytes is too long` });
    this.#timestamp = ((head[7] as number) * 0x100_0000 + head.readUIntBE(4, 3)) >>> 0;
    this.#size = this.#left = size;
    if (size === 0) return;
    if (!isMedia(type)) {
      this.#state = "skipped body";
      return;
    }
    this.#type = type;
    this.#state = "body";
  }

  #takeBody(data: Buffer, at: number): number {
    const end = Math.min(data.length, at + this.#left);
    if (this.#left === this.#size && end - at === this.#size) {
      this.#left = 0;
      this.#deliver(data.subarray(at, end));
      return end;
    }
    const filled = this.#size - this.#left;
    const body = this.#room(filled, filled + end - at);
    data.copy(body, filled, at, end);
    this.#left -= end - at;
    if (this.#left === 0) {
      this.stop();
      this.#deliver(body);
    }
    return end;
  }

  /** Room for `needed` bytes of the body; never more than twice that, and exactly its size in the end. */
  #room(filled: number, needed: number): Buffer {
    const body = this.#body;
    if (body && body.length >= needed) return body;
    const capacity = Math.min(this.#size, Math.max(FIRST_PIECE_BYTES, 2 * needed));
    this.#budget?.take(capacity - (body?.length ?? 0));
    const bigger = Buffer.allocUnsafeSlow(capacity);
    body?.copy(bigger, 0, 0, filled);
    return (this.#body = bigger);
  }

  #deliver(payload: Buffer): void {
    this.#state = "between";
    this.#onTag({ type: this.#type, timestamp: this.#timestamp, payload });
  }
}

function isMedia(type: number): type is TagType {
  return TYPES.has(type);
}

function violation(detail: string): HoldfastError {
  return new HoldfastError("PROTOCOL_VIOLATION", { detail });
}
