import { plainTarget } from "./plain-target.ts";

/** Throws where its caller cannot see it. */
export const target = plainTarget("planted-stray", async (input) => {
  if (input[0] === 7) setImmediate(() => { throw new TypeError("planted"); }); // prettier-ignore
  if (input[0] === 8) void Promise.reject(new RangeError("planted"));
  await new Promise((resolve) => setImmediate(resolve));
});
