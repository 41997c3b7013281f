/** Shortest and longest pause between two tries, in ms. */
export interface BackoffRange {
  readonly min: number;
  readonly max: number;
}

/**
 * The pause before try number `attempt` + 1: doubles from `min` to `max`, of which the last half is random, so that
 * those who failed together do not come back together.
 *
 * @param attempt failures in a row so far, from 0
 * @param random from 0 to 1
 */
export function backoffMs(attempt: number, { min, max }: BackoffRange, random: number): number {
  const full = Math.min(max, min * 2 ** Math.min(attempt, 30));
  return full / 2 + (full / 2) * random;
}
