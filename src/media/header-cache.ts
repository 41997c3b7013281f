import type { MediaPacket } from "../domain/ports/channel.ts";
import { ownBytes } from "./own-bytes.ts";
import { MESSAGE } from "./rtmp/message.ts";
import type { StreamMessage } from "./message.ts";
import type { PacketInfo } from "./packet.ts";

interface Entry {
  readonly message: StreamMessage;
  readonly slot: string;
  readonly ids: ReadonlySet<number>;
  /** Codecs by track id. */
  readonly codecs: ReadonlyMap<number, string>;
  /** Metadata first, then video, then audio; of each the sequence header first. */
  readonly rank: number;
}

const MOST_ENTRIES = 64;
const MOST_BYTES = 4 * 1_048_576;

/**
 * What players need before the first frame: metadata, and of each track the newest sequence header and configuration.
 *
 * Bounded: of too many or too large headers the oldest go.
 */
export class HeaderCache {
  #entries: Entry[] = [];
  #list: readonly StreamMessage[] | undefined;

  /** In the order to send them. The same array until something changes. */
  get list(): readonly StreamMessage[] {
    this.#list ??= this.#entries.toSorted((a, b) => a.rank - b.rank).map(({ message }) => message);
    return this.#list;
  }

  /** Keep a header; it takes the place of those that it covers. The same bytes again change nothing. */
  add(message: StreamMessage, info: PacketInfo): void {
    const entry = entryOf({ ...message, payload: ownBytes(message.payload) }, info);
    const before = this.#entries.find((other) => covers(entry, other) && covers(other, entry));
    if (before?.message.payload.equals(message.payload)) return;
    this.#entries = [...this.#entries.filter((other) => !covers(entry, other)), entry];
    while (this.#entries.length > MOST_ENTRIES || this.#bytes() > MOST_BYTES) this.#entries.shift();
    this.#list = undefined;
  }

  /** Tracks go on in another codec: what was for the one before must not reach a decoder. */
  forget(type: MediaPacket["type"], { tracks }: PacketInfo): void {
    const codecs = new Map(tracks.map(({ id, codec }) => [id, codec]));
    const isPast = ({ message, codecs: mine }: Entry): boolean =>
      message.type === MESSAGE[type] &&
      mine.size > 0 &&
      [...mine].every(([id, codec]) => codecs.has(id) && codecs.get(id) !== codec);
    const left = this.#entries.filter((entry) => !isPast(entry));
    if (left.length === this.#entries.length) return;
    this.#entries = left;
    this.#list = undefined;
  }

  #bytes(): number {
    return this.#entries.reduce((sum, { message }) => sum + message.payload.length, 0);
  }
}

function entryOf(message: StreamMessage, { slot, tracks }: PacketInfo): Entry {
  const codecs = new Map(tracks.map(({ id, codec }) => [id, codec]));
  const ids = new Set(codecs.keys());
  if (message.type === MESSAGE.data) return { message, slot: "metadata", ids, codecs, rank: 0 };
  const rank = (message.type === MESSAGE.video ? 1 : 3) + (slot === "config" ? 1 : 0);
  return { message, slot: `${message.type} ${slot}`, ids, codecs, rank };
}

/** A multitrack header speaks for several tracks: it covers those of all of them, and of fewer. */
function covers(newer: Entry, older: Entry): boolean {
  return newer.slot === older.slot && [...older.ids].every((id) => newer.ids.has(id));
}
