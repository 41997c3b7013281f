import type { Clock } from "./ports/clock.ts";

/** One moment on both clocks. A lease needs both: the monotonic clock stands still while a machine is suspended. */
export interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

/** A deadline that has always passed. */
export const LONG_AGO: Moment = Object.freeze({ monotonic: -Infinity, wall: -Infinity });

export function momentOf(clock: Clock): Moment {
  return { monotonic: clock.monotonic(), wall: clock.wall() };
}

/** How long before its lease can be granted to another an origin stops believing in it, in ms. */
export function fenceMargin(ttlMs: number): number {
  return Math.max(500, ttlMs / 10);
}

/**
 * Until when a lease may be believed in.
 *
 * @param sent when the renewal was about to be sent: the registry cannot have counted from an earlier time
 */
export function fenceDeadline(sent: Moment, ttlMs: number): Moment {
  const span = ttlMs - fenceMargin(ttlMs);
  return { monotonic: sent.monotonic + span, wall: sent.wall + span };
}

/** True only before the deadline on both clocks. */
export function isBefore(now: Moment, deadline: Moment): boolean {
  return now.monotonic < deadline.monotonic && now.wall < deadline.wall;
}
