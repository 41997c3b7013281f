export const ORIGINS = ["a", "b", "c"] as const;
export const STREAMS = ["live/1", "live/2"] as const;

export type TroubleName = "fine" | "away" | "mute" | "deaf" | "paused";

export type ClientStep = "publish" | "unpublish" | "disconnect" | "silence" | "play" | "stopPlaying";

export type Policy = "takeover" | "reject" | "standby";

/** What can happen to a fleet. */
export type Step =
  | { readonly do: ClientStep; readonly origin: number; readonly stream: number }
  | { readonly do: "trouble"; readonly origin: number; readonly trouble: TroubleName }
  | { readonly do: "kill"; readonly origin: number }
  | { readonly do: "restart"; readonly origin: number }
  | { readonly do: "wait"; readonly ms: number };
