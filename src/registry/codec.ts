import type { OriginDescription, OriginRecord, OriginState } from "../domain/origin-record.ts";
import type { Notice, RegistryEvent, Wishes } from "../domain/ports/registry.ts";
import { parseStreamKey } from "../domain/stream-key.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import type { OwnedStream, StreamRecord } from "../domain/stream-record.ts";

/**
 * Format of the records that this version writes. A later format only adds fields: readers ignore fields they do not
 * know and have a default for those that an older writer did not write, so that two versions live in one fleet.
 */
export const RECORD_FORMAT = 1;

/** A Redis hash as it comes: field, value, field, value … */
export type FlatHash = readonly unknown[];

/** What `origin-register` writes besides name, instance, epoch and since. */
export function encodeOrigin(origin: OriginDescription): string[] {
  const fields = {
    format: RECORD_FORMAT,
    host: origin.host,
    beat: 0,
    state: origin.state,
    load: 0,
    streams: 0,
    weight: origin.weight,
    rtmp: origin.rtmp,
    http: origin.http,
    relay: origin.relay,
    peer: origin.peer,
    version: origin.version,
  };
  return Object.entries(fields).flatMap(([field, value]) => [field, String(value)]);
}

/** @returns `undefined` when it is not the record of a session */
export function decodeOrigin(hash: FlatHash): OriginRecord | undefined {
  const fields = readHash(hash);
  const name = fields.get("name");
  const epoch = readNumber(fields.get("epoch"), 0);
  if (name === undefined || name === "" || epoch <= 0) return undefined;
  return {
    name,
    host: fields.get("host") || name,
    instance: fields.get("instance") ?? "",
    epoch,
    since: readNumber(fields.get("since"), 0),
    beat: readNumber(fields.get("beat"), 0),
    state: decodeState(fields.get("state")),
    load: readNumber(fields.get("load"), 0),
    streams: readNumber(fields.get("streams"), 0),
    weight: readNumber(fields.get("weight"), 1),
    rtmp: fields.get("rtmp") ?? "",
    http: fields.get("http") ?? "",
    relay: fields.get("relay") ?? "",
    peer: fields.get("peer") ?? "",
    version: fields.get("version") ?? "",
  };
}

/**
 * @param now ms since 1970, Redis time: take-overs of long ago do not count any more
 * @returns `undefined` when it is not the record of a stream
 */
export function decodeStream(key: StreamKey, hash: FlatHash, now: number): StreamRecord | undefined {
  const fields = readHash(hash);
  const origin = fields.get("origin");
  const epoch = readNumber(fields.get("epoch"), 0);
  const token = readNumber(fields.get("token"), 0);
  if (origin === undefined || origin === "" || epoch <= 0 || token <= 0) return undefined;
  const counted = now < readNumber(fields.get("countedUntil"), 0);
  return {
    key,
    origin,
    epoch,
    token,
    kind: fields.get("kind") === "ingest" ? "ingest" : "publish",
    since: readNumber(fields.get("since"), 0),
    publisher: fields.get("publisher") ?? "",
    codecs: fields.get("codecs") ?? "",
    previous: fields.get("previous") ?? "",
    rank: readRank(fields.get("rank")),
    stalled: fields.get("stalled") === "1",
    takeovers: counted ? readNumber(fields.get("takeovers"), 0) : 0,
  };
}

/** An entry of the event log: `[id, [field, value, …]]`. */
export function decodeEvent(entry: unknown): RegistryEvent | undefined {
  if (!Array.isArray(entry)) return undefined;
  const [id, hash] = entry as unknown[];
  if (typeof id !== "string" || !Array.isArray(hash)) return undefined;
  const { type = "", ...fields } = Object.fromEntries(readHash(hash));
  return { id, at: readNumber(id.split("-", 1)[0], 0), type, fields };
}

/** `<token> <key>`, as in the `lost:` sets and in notices. */
export function encodeOwned(stream: OwnedStream): string {
  return `${stream.token} ${stream.key}`;
}

export function decodeOwned(text: string): OwnedStream | undefined {
  const space = text.indexOf(" ");
  const token = space < 0 ? 0 : readNumber(text.slice(0, space), 0);
  const key = decodeKey(text.slice(space + 1));
  return token > 0 && key !== undefined ? { key, token } : undefined;
}

export function decodeState(text: string | undefined): OriginState {
  return text === "draining" ? "draining" : "up";
}

/** `<number> <state>`, the field `wish` of a session; `undefined` when there is none. */
export function decodeWish(text: string): Wishes["wish"] {
  const [number, state] = text.split(" ", 2);
  return state === undefined ? undefined : { number: readNumber(number, 0), state: decodeState(state) };
}

/** A payload of `notify:<name>`. Anybody may publish there, so that anything may come. */
export function decodeNotice(payload: string): Notice | undefined {
  if (payload === "ingests" || payload === "wished" || payload === "suspected") return { type: payload };
  const match = /^taken-over (\d{1,16} .+)$/s.exec(payload);
  const stream = match?.[1] === undefined ? undefined : decodeOwned(match[1]);
  return stream && { type: "taken-over", stream };
}

/** A stream key out of the registry; `undefined` when it is none. */
export function decodeKey(text: string): StreamKey | undefined {
  try {
    return parseStreamKey(text);
  } catch {
    return undefined;
  }
}

export function readHash(hash: FlatHash): Map<string, string> {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < hash.length; i += 2) fields.set(String(hash[i]), String(hash[i + 1]));
  return fields;
}

/** Unlike other numbers it may be negative. */
function readRank(text = ""): number {
  const number = Number(text);
  return Number.isFinite(number) ? number : 0;
}

export function readNumber(text: string | undefined, otherwise: number): number {
  const number = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  return Number.isFinite(number) && number >= 0 ? number : otherwise;
}
