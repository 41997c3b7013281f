import type { PlayerKind } from "./player.ts";

export type Pace = "one by one" | "all at once";

/** Plays of streams `<stream><number>`, each of another one: no answer comes from a cache, no relay runs already. */
export interface Case {
  readonly what: string;
  readonly kind: PlayerKind;
  readonly stream: string;
  readonly pace: Pace;
  /** Wait for the first media, not only for the answer. */
  readonly media: boolean;
  /** Largest p50 in ms; absent for the rows that others are compared with. */
  readonly budgetMs?: number;
}

/** Streams `b0`, `b1` … are published; `no…` nowhere; a backslash is in no stream name. */
export const PUBLISHED = "b";
const UNKNOWN = "no";
const NO_NAME = "no\\";

/** Refused without a lookup: what connection, commands and the player itself cost. */
const floor = (pace: Pace): Case => ({
  what: "refused here",
  kind: "player",
  stream: NO_NAME,
  pace,
  media: false,
});
const redirect = (pace: Pace, budgetMs: number): Case => ({
  ...{ what: "302 to the owner", kind: "srs-edge", stream: PUBLISHED },
  ...{ pace, media: false, budgetMs },
});
const unknown = (pace: Pace, budgetMs: number): Case => ({
  ...{ what: "published nowhere", kind: "player", stream: UNKNOWN },
  ...{ pace, media: false, budgetMs },
});
const relay = (pace: Pace, budgetMs?: number): Case => ({
  ...{ what: "media through a new relay", kind: "player", stream: PUBLISHED, pace, media: true },
  ...(budgetMs === undefined ? {} : { budgetMs }),
});

export const CASES: Readonly<Record<string, readonly Case[]>> = {
  lookup: [
    floor("one by one"),
    redirect("one by one", 3),
    unknown("one by one", 3),
    floor("all at once"),
    redirect("all at once", 60),
    unknown("all at once", 60),
  ],
  relay: [floor("one by one"), relay("one by one", 60), floor("all at once"), relay("all at once")],
};
