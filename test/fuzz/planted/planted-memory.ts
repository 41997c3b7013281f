import { plainTarget } from "./plain-target.ts";

/** Believes a length field of three bytes. */
export const target = plainTarget("planted-memory", (input) => {
  if (input.length >= 3) Buffer.alloc(input.readUIntBE(0, 3));
});
