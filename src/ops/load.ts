import { performance } from "node:perf_hooks";

/** A function that tells the share of time the event loop was busy since it was asked last: 0 to 1. */
export function eventLoopLoad(): () => number {
  let before = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    return Math.round(utilization * 1_000) / 1_000;
  };
}
