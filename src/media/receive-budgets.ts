import { MemoryBudget } from "./memory-budget.ts";
import type { ReadPace } from "./read-pace.ts";

/** What all that receives media for one origin shares: memory for messages that have not arrived whole, and reads. */
export interface ReceiveBudgets {
  /** Of all connections whose publish has not been accepted: so strangers never take the publishers' part. */
  readonly strangers: MemoryBudget;
  /** Of all connections, accepted publishers and relays included. */
  readonly all: MemoryBudget;
  /** Without one all are read as soon as they send. */
  readonly pace?: ReadPace;
}

/** Those of one origin. Every server of it gets the same ones. */
export function receiveBudgets(
  limits: { readonly halfReceivedTotal: number; readonly halfReceivedBeforePublish: number },
  pace?: ReadPace,
): ReceiveBudgets {
  const all = new MemoryBudget(limits.halfReceivedTotal);
  const strangers = new MemoryBudget(limits.halfReceivedBeforePublish, all);
  return { all, strangers, ...(pace && { pace }) };
}
