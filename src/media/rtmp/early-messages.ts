import { HoldfastError } from "../../domain/errors.ts";
import { MemoryBudget } from "../memory-budget.ts";
import { ownBytes } from "../own-bytes.ts";
import type { RtmpMessage } from "./message.ts";

/** What a message that waits costs beside its payload, in bytes. */
const MESSAGE_COST = 256;

/**
 * What a server sends before anybody could act on its answer: the first media mostly come in the same read as it.
 * Kept in copies, within a bound.
 */
export class EarlyMessages {
  readonly #budget: MemoryBudget;
  readonly #mostMessages: number;
  #kept: RtmpMessage[] = [];

  /**
   * @param most    of one connection; any number of messages when only bytes are given
   * @param within  what these bytes are a part of
   */
  constructor(most: { readonly bytes: number; readonly messages?: number }, within: MemoryBudget) {
    this.#budget = new MemoryBudget(most.bytes, within);
    this.#mostMessages = most.messages ?? Infinity;
  }

  /** @throws HoldfastError `LIMIT_EXCEEDED` */
  keep(message: RtmpMessage): void {
    if (this.#kept.length >= this.#mostMessages)
      throw new HoldfastError("LIMIT_EXCEEDED", { detail: "there are too many messages before the answer" });
    this.#budget.take(message.payload.length + MESSAGE_COST);
    this.#kept.push({ ...message, payload: ownBytes(message.payload) });
  }

  /** Hand all over, in the order in which they came. */
  release(take: (message: RtmpMessage) => void): void {
    const kept = this.#kept;
    this.drop();
    for (const message of kept) take(message);
  }

  /** Nobody wants them any more. */
  drop(): void {
    this.#kept = [];
    this.#budget.give(this.#budget.taken);
  }
}
