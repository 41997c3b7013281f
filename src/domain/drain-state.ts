/** Whether there is another origin of the fleet that takes new streams. `asking`: no answer yet; `silent`: none came. */
export type PeersSeen = "asking" | "some" | "none" | "silent";

/** How a drain ended. `left`: the origin takes new streams again; `stopped`: it was stopped meanwhile. */
export type DrainEnd = "empty" | "alone" | "deadline" | "left" | "stopped";

/** The settings of a drain, in ms. */
export interface DrainTimes {
  /** Longest time until the players that are still here are let go. */
  readonly deadline: number;
  /** Time for balancers to see that this origin is not ready, before encoders are told. */
  readonly settle: number;
  /** Time for encoders that understand a signal to go by themselves, before all are reset. */
  readonly encoderGrace: number;
}

/** What a drain has done so far; moments are monotonic ms. */
export interface DrainProgress {
  readonly began: number;
  readonly told: number | undefined;
  readonly reset: boolean;
}

/** What is seen of this origin and its fleet. */
export interface DrainView {
  readonly now: number;
  readonly peers: PeersSeen;
  /** Encoders connected here, those on standby included. */
  readonly encoders: number;
  readonly players: number;
  /** Whatever else another origin must take up first. */
  readonly duties: number;
}

export type DrainStep =
  { readonly do: "wait" | "tell" | "reset" } | { readonly do: "end"; readonly how: DrainEnd };

const WAIT: DrainStep = { do: "wait" };

/**
 * What a drain does next.
 *
 * An origin without peers waits for nothing: nobody could take what it has. While the registry is silent nobody may
 * be able to take a stream either, so that encoders are left alone until it answers or the deadline is reached.
 */
export function nextDrainStep(progress: DrainProgress, view: DrainView, times: DrainTimes): DrainStep {
  const { began, told, reset } = progress;
  const { now, peers, encoders, players, duties } = view;
  if (now - began >= times.deadline) return { do: "end", how: "deadline" };
  if (peers === "asking") return WAIT;
  if (peers === "none") return { do: "end", how: "alone" };
  const settled = peers === "silent" || now - began >= times.settle;
  if (settled && encoders + players + duties === 0) return { do: "end", how: "empty" };
  if (peers === "silent" || !settled || reset) return WAIT;
  if (told === undefined) return { do: "tell" };
  if (encoders === 0 || now - told >= times.encoderGrace) return { do: "reset" };
  return WAIT;
}
