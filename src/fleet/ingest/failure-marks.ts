import type { FailureMark } from "../../domain/ingest.ts";

const SHORTEST_MS = 10_000;
const LONGEST_MS = 600_000;
/** A mark is remembered for so long after it has ended: the next failure counts on from it. */
const REMEMBERED_MS = 600_000;

/** The marks with one more failure on `origin`: 10 s, doubling to 10 min. Times in ms since 1970, registry time. */
export function marked(marks: readonly FailureMark[], origin: string, now: number): readonly FailureMark[] {
  const kept = remembered(marks, now);
  const count = (kept.find((mark) => mark.origin === origin)?.count ?? 0) + 1;
  const until = now + Math.min(LONGEST_MS, SHORTEST_MS * 2 ** (count - 1));
  return [...kept.filter((mark) => mark.origin !== origin), { origin, count, until }];
}

/** The marks without that of an origin on which it works now. */
export function unmarked(marks: readonly FailureMark[], origin: string, now: number): readonly FailureMark[] {
  return remembered(marks, now).filter((mark) => mark.origin !== origin);
}

/** Whether it failed there a moment ago and is not to be tried there yet. */
export function isMarked(marks: readonly FailureMark[], origin: string, now: number): boolean {
  return marks.some((mark) => mark.origin === origin && mark.until > now);
}

function remembered(marks: readonly FailureMark[], now: number): readonly FailureMark[] {
  return marks.filter(({ until }) => now - until < REMEMBERED_MS);
}
