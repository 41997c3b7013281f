import type { OutputForm } from "../domain/ports/channel.ts";
import type { BatchOutline } from "./fanout-seat.ts";
import { serialise, type StreamMessage } from "./message.ts";
import { Section, type TapedMessage } from "./tape.ts";

/** The messages of one window. Bytes are made per form, when the first player takes them, and shared. */
export class Batch implements BatchOutline {
  readonly messages: TapedMessage[] = [];
  readonly #section = new Section();
  /** What lies in front of the first message that a player can begin with. */
  readonly #before = new Section();
  #start: StreamMessage | undefined;
  hasHeader = false;
  headerBeforeStart = false;

  get bytes(): number {
    return this.#section.bytes("rtmp");
  }

  get hasStart(): boolean {
    return this.#start !== undefined;
  }

  add(taped: TapedMessage): void {
    const { header, startsWith } = taped.message;
    if (startsWith && !this.#start) {
      this.#start = taped.message;
      this.headerBeforeStart = this.hasHeader;
    }
    if (!this.#start) this.#before.add(taped);
    if (header) this.hasHeader = true;
    this.messages.push(taped);
    this.#section.add(taped);
  }

  /** The bytes of one form. */
  as(form: OutputForm, chunkSize: number): BatchBytes {
    return new BatchBytes(this.#section, this.#before.bytes(form), this.#start, form, chunkSize);
  }
}

/** A batch in one form. Every part is made once, on demand. Buffers are shared: never change them. */
export class BatchBytes {
  readonly #section: Section;
  readonly #startAt: number;
  readonly #start: StreamMessage | undefined;
  readonly #form: OutputForm;
  readonly #chunkSize: number;
  #all: Buffer | undefined;
  #fromStart: Buffer | undefined;
  #headersAndStart: Buffer | undefined;

  constructor(
    section: Section,
    startAt: number,
    start: StreamMessage | undefined,
    form: OutputForm,
    chunkSize: number,
  ) {
    this.#section = section;
    this.#startAt = startAt;
    this.#start = start;
    this.#form = form;
    this.#chunkSize = chunkSize;
  }

  /** The whole batch. */
  get all(): Buffer {
    this.#all ??= this.#section.as(this.#form, this.#chunkSize);
    return this.#all;
  }

  /** From the first message on that a player can begin with. Only when there is one. */
  get fromStart(): Buffer {
    this.#fromStart ??= this.#startAt === 0 ? this.all : this.all.subarray(this.#startAt);
    return this.#fromStart;
  }

  /** The same, with the headers in front that it needs. */
  get headersAndStart(): Buffer {
    this.#headersAndStart ??= Buffer.concat([this.#headers(), this.fromStart]);
    return this.#headersAndStart;
  }

  #headers(): Buffer {
    const { startsWith = [], time = 0 } = this.#start ?? {};
    return serialise(startsWith, this.#form, this.#chunkSize, time);
  }
}
