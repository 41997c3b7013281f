import type { ErrorCode, HoldfastError } from "./errors.ts";

/** Faults (5xx) whose details were written for clients: why not here, why not now. */
const FOR_CLIENTS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["ORIGIN_DRAINING", "ORIGIN_FULL"]);
/** Refusals whose details were written for operators. */
const FOR_OPERATORS: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["NAME_CONFLICT"]);

/**
 * What a client is told of an error, in whatever protocol; never empty.
 *
 * Details of a fault name hosts and causes inside the fleet: they are for the log, the client gets the general
 * sentence.
 */
export function publicText({ code, entry, message }: HoldfastError): string {
  const hidden = FOR_OPERATORS.has(code) || (entry.http >= 500 && !FOR_CLIENTS.has(code));
  return hidden || message.trim() === "" ? entry.text : message;
}
