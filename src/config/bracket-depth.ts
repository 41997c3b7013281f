/** Deeper brackets make the YAML parser's regular expressions run out of memory. */
export const MAX_BRACKETS = 32;

/** How deep a text nests brackets at most. */
export function bracketDepth(text: string): number {
  let depth = 0;
  let most = 0;
  for (const letter of text) {
    if (letter === "[" || letter === "{") most = Math.max(most, ++depth);
    else if ((letter === "]" || letter === "}") && depth > 0) depth--;
  }
  return most;
}
