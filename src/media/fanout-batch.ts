import type { OutputForm } from "../domain/ports/channel.ts";
import type { BatchOutline } from "./fanout-seat.ts";
import { serialise } from "./message.ts";
import { Section, type TapedMessage } from "./tape.ts";

/** The messages of one window. Bytes are made per form, when the first player takes them, and shared. */
export class Batch implements BatchOutline {
  readonly messages: TapedMessage[] = [];
  bytes = 0;
  hasHeader = false;
  headerBeforeStart = false;
  #start = -1;

  get hasStart(): boolean {
    return this.#start >= 0;
  }

  add(taped: TapedMessage): void {
    const { header, startsWith } = taped.message;
    if (startsWith && !this.hasStart) {
      this.#start = this.messages.length;
      this.headerBeforeStart = this.hasHeader;
    }
    if (header) this.hasHeader = true;
    this.bytes += taped.end - taped.start;
    this.messages.push(taped);
  }

  /** The bytes of one form. */
  as(form: OutputForm, chunkSize: number): BatchBytes {
    return new BatchBytes(this.messages, this.#start, form, chunkSize);
  }
}

/** A batch in one form. Every part is made once, on demand. Buffers are shared: never change them. */
export class BatchBytes {
  readonly #messages: readonly TapedMessage[];
  readonly #start: number;
  readonly #form: OutputForm;
  readonly #chunkSize: number;
  #all: Buffer | undefined;
  #fromStart: Buffer | undefined;
  #headersAndStart: Buffer | undefined;

  constructor(messages: readonly TapedMessage[], start: number, form: OutputForm, chunkSize: number) {
    this.#messages = messages;
    this.#start = start;
    this.#form = form;
    this.#chunkSize = chunkSize;
  }

  /** The whole batch. */
  get all(): Buffer {
    this.#all ??= this.#section(this.#messages).as(this.#form, this.#chunkSize);
    return this.#all;
  }

  /** From the first message on that a player can begin with. Only when there is one. */
  get fromStart(): Buffer {
    this.#fromStart ??= this.#start === 0 ? this.all : this.all.subarray(this.#startAt());
    return this.#fromStart;
  }

  /** The same, with the headers in front that it needs. */
  get headersAndStart(): Buffer {
    this.#headersAndStart ??= Buffer.concat([this.#headers(), this.fromStart]);
    return this.#headersAndStart;
  }

  #startAt(): number {
    return this.#section(this.#messages.slice(0, this.#start)).bytes(this.#form);
  }

  #headers(): Buffer {
    const { startsWith = [], time = 0 } = this.#messages[this.#start]?.message ?? {};
    return serialise(startsWith, this.#form, this.#chunkSize, time);
  }

  #section(messages: readonly TapedMessage[]): Section {
    const section = new Section();
    for (const taped of messages) section.add(taped);
    return section;
  }
}
