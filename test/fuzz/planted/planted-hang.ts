import { plainTarget } from "./plain-target.ts";

/** Never ends when the first byte is above 200. */
export const target = plainTarget("planted-hang", (input) => {
  for (let turn = 0; turn < 1 || (input[0] ?? 0) > 200; turn++);
});
