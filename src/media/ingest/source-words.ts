import type { NetworkSource } from "../../domain/source-url.ts";

const LONGEST = 200;
/** Shorter values of a query are numbers and flags, which other texts hold, too. */
const SHORTEST_SECRET = 3;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

/**
 * A source's own words for a message of ours: one line, not too long, and empty when they repeat what its URL holds
 * that nobody may see.
 */
export function sourceWords(text: string, source: NetworkSource): string {
  const plain = text.replaceAll(CONTROL, " ").trim().slice(0, LONGEST);
  return secretsOf(source).some((secret) => text.includes(secret)) ? "" : plain;
}

function secretsOf({ user, password, query }: NetworkSource): string[] {
  const values = query.split("&").flatMap((part) => {
    const value = part.slice(part.indexOf("=") + 1);
    return [value, decoded(value)].filter(({ length }) => length >= SHORTEST_SECRET);
  });
  const names = [user, password].flatMap((text) => [text, encodeURIComponent(text)]);
  return [...names, ...values].filter((text) => text !== "");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
