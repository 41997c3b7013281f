/** What an operator and a newcomer need to know of one kind of key. `docs/redis-keys.md` is made from these. */
export interface KeyEntry {
  /** After the prefix. */
  readonly pattern: string;
  readonly type: "hash" | "set" | "string" | "stream" | "pub/sub";
  readonly ttl: string;
  readonly content: string;
  /** Fields of a hash, with their units. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Lua files, without number and ending, or who else writes it. */
  readonly writtenBy: readonly string[];
  readonly readBy: readonly string[];
  /** How to see it, with the default prefix. */
  readonly look: string;
  /** What may be done to it by hand, and what follows. */
  readonly byHand: string;
}

/** Names of origins and streams that the commands of the page use. */
export const ORIGIN = "o1";
export const STREAM = "live/cam";
export const PREFIX = "{holdfast}";
