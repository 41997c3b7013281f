import { liveTarget } from "./live-target.ts";

/** Newcomers take streams over. */
export const target = await liveTarget("live", {
  publish: { takeoverPauseMin: "0s", takeoverPauseMax: "0s" },
});
