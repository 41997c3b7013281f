import { HoldfastError } from "../domain/errors.ts";

/**
 * Views on what Redis answered. Scripts answer with strings, integers and lists of them; anything else means that
 * another program wrote under our prefix, or that a proxy stands between.
 */
export function asList(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply;
  throw unexpected("a list", reply);
}

export function asText(reply: unknown): string {
  if (typeof reply === "string") return reply;
  throw unexpected("a text", reply);
}

/** An integer, or digits: numbers beyond 32 bits come as text, since Lua would cut them. */
export function asNumber(reply: unknown): number {
  const number = typeof reply === "string" && reply !== "" ? Number(reply) : reply;
  if (typeof number === "number" && Number.isFinite(number)) return number;
  throw unexpected("a number", reply);
}

function unexpected(wanted: string, reply: unknown): HoldfastError {
  return new HoldfastError("REGISTRY_REFUSED", {
    detail: `the registry gave an answer that is not understood: ${wanted} was expected, not ${typeof reply}`,
  });
}
