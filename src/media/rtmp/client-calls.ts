import type { AmfValue } from "./amf0.ts";
import { connectionCommand, type RtmpCommand } from "./commands.ts";
import type { RtmpMessage } from "./message.ts";

interface Pending {
  readonly resolve: (answer: RtmpCommand) => void;
  readonly reject: (reason: unknown) => void;
}

/** The calls of one connection that wait for `_result` or `_error`. [RTMP 1.0 §7.2.1.2] */
export class ClientCalls {
  readonly #send: (message: RtmpMessage) => void;
  readonly #pending = new Map<number, Pending>();
  #transaction = 0;
  #failed: { readonly reason: unknown } | undefined;

  constructor(send: (message: RtmpMessage) => void) {
    this.#send = send;
  }

  /** Call, and wait for the answer: `_result` or `_error`. */
  call(name: string, ...args: AmfValue[]): Promise<RtmpCommand> {
    const transaction = this.next();
    const answer = this.answer(transaction);
    this.#send(connectionCommand(name, transaction, ...args));
    return answer;
  }

  /** Call without an interest in the answer. */
  tell(name: string, ...args: AmfValue[]): void {
    this.#send(connectionCommand(name, this.next(), ...args));
  }

  next(): number {
    return ++this.#transaction;
  }

  /** The answer to a call that is made elsewhere. */
  answer(transaction: number): Promise<RtmpCommand> {
    return new Promise((resolve, reject) => {
      if (this.#failed) reject(this.#failed.reason);
      else this.#pending.set(transaction, { resolve, reject });
    });
  }

  /** Hand an answer to whom it belongs, if anybody waits for it. */
  settle(answer: RtmpCommand): void {
    this.#pending.get(answer.transaction)?.resolve(answer);
    this.#pending.delete(answer.transaction);
  }

  /** Nothing will be answered any more. */
  fail(reason: unknown): void {
    this.#failed = { reason };
    for (const { reject } of this.#pending.values()) reject(reason);
    this.#pending.clear();
  }
}
