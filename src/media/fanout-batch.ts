import type { OutputForm } from "../domain/ports/channel.ts";
import type { BatchOutline } from "./fanout-seat.ts";
import { serialise, serialiseOne, type StreamMessage } from "./message.ts";

/** RTMP and FLV both add some 12 to 16 bytes. */
const FRAMING_BYTES = 16;

/** The messages of one window. Bytes are made per form, when the first player takes them, and shared. */
export class Batch implements BatchOutline {
  readonly bytes: number;
  readonly hasStart: boolean;
  readonly headerBeforeStart: boolean;
  readonly hasHeader: boolean;
  readonly messages: readonly StreamMessage[];
  readonly #start: number;

  constructor(messages: readonly StreamMessage[]) {
    this.messages = messages;
    this.#start = messages.findIndex(({ startsWith }) => startsWith !== undefined);
    this.hasStart = this.#start >= 0;
    const firstHeader = messages.findIndex(({ header }) => header);
    this.hasHeader = firstHeader >= 0;
    this.headerBeforeStart = this.hasHeader && firstHeader < this.#start;
    this.bytes = messages.reduce((sum, { payload }) => sum + payload.length + FRAMING_BYTES, 0);
  }

  /** The bytes of one form. */
  as(form: OutputForm, chunkSize: number): BatchBytes {
    return new BatchBytes(this.messages, this.#start, form, chunkSize);
  }
}

/** A batch in one form. Every part is made once, on demand. Buffers are shared: never change them. */
export class BatchBytes {
  readonly #messages: readonly StreamMessage[];
  readonly #start: number;
  readonly #form: OutputForm;
  readonly #chunkSize: number;
  #all: Buffer | undefined;
  #startAt = 0;
  #headers: Buffer | undefined;
  #headersAndStart: Buffer | undefined;

  constructor(messages: readonly StreamMessage[], start: number, form: OutputForm, chunkSize: number) {
    this.#messages = messages;
    this.#start = start;
    this.#form = form;
    this.#chunkSize = chunkSize;
  }

  /** The whole batch. */
  get all(): Buffer {
    this.#all ??= this.#serialiseAll();
    return this.#all;
  }

  /** From the first message on that a player can begin with. Only when there is one. */
  get fromStart(): Buffer {
    return this.all.subarray(this.#startAt);
  }

  /** The same, with the headers in front that it needs. */
  get headersAndStart(): Buffer {
    this.#headersAndStart ??= Buffer.concat([this.#headerBytes(), this.fromStart]);
    return this.#headersAndStart;
  }

  #serialiseAll(): Buffer {
    const parts: Buffer[] = [];
    let length = 0;
    for (const [index, message] of this.#messages.entries()) {
      if (index === this.#start) this.#startAt = length;
      const bytes = serialiseOne(message, this.#form, this.#chunkSize, message.time);
      parts.push(bytes);
      length += bytes.length;
    }
    return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts, length);
  }

  #headerBytes(): Buffer {
    const first = this.#messages[this.#start];
    const headers = first?.startsWith ?? [];
    this.#headers ??= serialise(headers, this.#form, this.#chunkSize, first?.time);
    return this.#headers;
  }
}
