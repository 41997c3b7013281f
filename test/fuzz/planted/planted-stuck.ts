import { plainTarget } from "./plain-target.ts";

/** Waits for ever, without work, when the first byte is above 200. */
export const target = plainTarget("planted-stuck", (input) => {
  if ((input[0] ?? 0) <= 200) return;
  // What a thread waits for keeps it: without it, it would end.
  return new Promise<void>(() => void setInterval(() => undefined, 1_000));
});
