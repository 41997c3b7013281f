import { liveTarget } from "./live-target.ts";

/** Newcomers stand by. */
export const target = await liveTarget("live-standby", { publish: { onDuplicate: "standby" } });
