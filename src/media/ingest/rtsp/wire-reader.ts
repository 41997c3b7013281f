import { HoldfastError } from "../../../domain/errors.ts";

/** An answer, or a request of the server. */
export interface RtspMessage {
  /** The first line. */
  readonly start: string;
  /** Names in lower case; a header may come several times. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
  readonly body: Buffer;
}

export interface WireEvents {
  message(message: RtspMessage): void;
  /** The data is valid during the call only. */
  packet(channel: number, data: Buffer): void;
}

interface Head {
  readonly start: string;
  readonly headers: ReadonlyMap<string, readonly string[]>;
  /** Length of the body. */
  readonly body: number;
}

const DOLLAR = 0x24;
const HEAD_END = Buffer.from("\r\n\r\n");
const MOST_HEAD = 16_384;
const MOST_HEADERS = 128;
const MOST_BODY = 131_072;
const LEAST_STORE = 4_096;

/**
 * Take apart what an RTSP server sends over TCP: messages and interleaved packets, in whatever pieces they come.
 *
 * Bytes that wait for the rest of their unit are copied once, or twice as the store grows, however small the pieces.
 *
 * @see RFC 2326 §10.12
 */
export class WireReader {
  readonly #events: WireEvents;
  #store: Buffer = Buffer.alloc(0);
  #length = 0;
  /** How far into the present head its end was looked for. */
  #searched = 0;
  #head: Head | undefined;
  #stopped = false;

  constructor(events: WireEvents) {
    this.#events = events;
  }

  /** @throws HoldfastError `PROTOCOL_VIOLATION`, `LIMIT_EXCEEDED`; and what the events throw */
  push(data: Buffer): void {
    if (this.#stopped) return;
    if (this.#length === 0) {
      const used = this.#read(data);
      this.#keep(data.subarray(used));
      return;
    }
    this.#keep(data);
    const used = this.#read(this.#store.subarray(0, this.#length));
    this.#store.copyWithin(0, used, this.#length);
    this.#length -= used;
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#stopped = true;
  }

  #keep(data: Buffer): void {
    const needed = this.#length + data.length;
    if (needed > this.#store.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(LEAST_STORE, needed, this.#store.length * 2));
      this.#store.copy(grown, 0, 0, this.#length);
      this.#store = grown;
    }
    data.copy(this.#store, this.#length);
    this.#length = needed;
  }

  /** @returns how many bytes were whole units */
  #read(data: Buffer): number {
    let at = 0;
    while (at < data.length && !this.#stopped) {
      const used = this.#readUnit(data.subarray(at));
      if (used === 0) break;
      at += used;
    }
    return at;
  }

  /** @returns 0 when the unit is not whole yet */
  #readUnit(data: Buffer): number {
    if (this.#head) return this.#readBody(data, this.#head);
    const first = data[0] as number;
    if (first === DOLLAR) return this.#readPacket(data);
    // Some servers end a body with a line of its own.
    if (first === 0x0d || first === 0x0a) return 1;
    if (!isLetter(first)) throw violation("the server sent neither RTSP nor an interleaved packet");
    return this.#readHead(data);
  }

  #readPacket(data: Buffer): number {
    if (data.length < 4) return 0;
    const end = 4 + data.readUInt16BE(2);
    if (data.length < end) return 0;
    this.#events.packet(data[1] as number, data.subarray(4, end));
    return end;
  }

  #readHead(data: Buffer): number {
    const end = data.indexOf(HEAD_END, this.#searched);
    if (end > MOST_HEAD || (end < 0 && data.length > MOST_HEAD))
      throw new HoldfastError("LIMIT_EXCEEDED", { detail: "the server sent too long a header" });
    this.#searched = end < 0 ? Math.max(0, data.length - 3) : 0;
    if (end < 0) return 0;
    const head = readHead(data.toString("utf8", 0, end));
    if (head.body > 0) this.#head = head;
    else this.#events.message({ ...head, body: Buffer.alloc(0) });
    return end + HEAD_END.length;
  }

  #readBody(data: Buffer, { start, headers, body }: Head): number {
    if (data.length < body) return 0;
    this.#head = undefined;
    this.#events.message({ start, headers, body: Buffer.from(data.subarray(0, body)) });
    return body;
  }
}

function readHead(text: string): Head {
  const [start = "", ...lines] = text.split("\r\n");
  if (lines.length > MOST_HEADERS)
    throw new HoldfastError("LIMIT_EXCEEDED", { detail: "the server sent too many headers" });
  const headers = new Map<string, string[]>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon <= 0) continue;
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    const values = headers.get(name);
    if (values) values.push(value);
    else headers.set(name, [value]);
  }
  const length = headers.get("content-length")?.[0] ?? "0";
  if (!/^\d{1,9}$/.test(length)) throw violation("the server sent a Content-Length that is no number");
  if (Number(length) > MOST_BODY)
    throw new HoldfastError("LIMIT_EXCEEDED", { detail: "the server announced too long a body" });
  return { start, headers, body: Number(length) };
}

function isLetter(byte: number): boolean {
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x7a;
}

function violation(detail: string): HoldfastError {
  return new HoldfastError("PROTOCOL_VIOLATION", { detail });
}
