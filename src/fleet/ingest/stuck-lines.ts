import type { FailureMark } from "../../domain/ingest.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import type { WaitingLine } from "./planner-input.ts";

/** A line that its origin has not acted on for so long goes to the next candidate, ms. */
const PATIENCE_MS = 3_000;
/** With `overlap` it may wait for a keyframe, as long as its right to pull ahead lasts, ms. */
const OVERLAP_PATIENCE_MS = 12_000;
/** How long it is not tried there again, ms; doubles each time up to `LONGEST_MARK_MS`. */
const MARK_MS = 30_000;
const LONGEST_MARK_MS = 600_000;
/** A mark is remembered for so long after it has ended: the next one counts on from it, ms. */
const REMEMBERED_MS = 600_000;

interface Waiting {
  readonly origin: string;
  readonly since: number;
}

interface Mark {
  readonly count: number;
  /** Monotonic, ms. */
  readonly until: number;
}

/**
 * Lines of the plan that nobody acts on: their origin lives, and does not take the ingest up.
 *
 * An origin that has many to start takes them up one after another. While it does, none of its lines is stuck.
 */
export class StuckLines {
  #waiting = new Map<StreamKey, Waiting>();
  readonly #progress = new Map<string, number>();
  readonly #marks = new Map<StreamKey, Map<string, Mark>>();

  /**
   * @param waiting the lines that wait now
   * @param now monotonic, ms
   */
  look(waiting: readonly WaitingLine[], now: number): void {
    const before = this.#waiting;
    this.#waiting = new Map();
    for (const { stream, origin } of waiting) {
      const known = before.get(stream);
      this.#waiting.set(stream, known?.origin === origin ? known : { origin, since: now });
    }
    for (const [stream, { origin }] of before)
      if (!this.#waiting.has(stream)) this.#progress.set(origin, now);
    for (const { stream, origin, overlapped } of waiting) {
      const since = Math.max(this.#waiting.get(stream)?.since ?? now, this.#progress.get(origin) ?? 0);
      if (now - since < (overlapped ? OVERLAP_PATIENCE_MS : PATIENCE_MS)) continue;
      const marks = this.#marks.get(stream) ?? new Map<string, Mark>();
      const { count, until } = marks.get(origin) ?? { count: 0, until: -Infinity };
      if (until > now) continue;
      const ms = Math.min(LONGEST_MARK_MS, MARK_MS * 2 ** count);
      this.#marks.set(stream, marks.set(origin, { count: count + 1, until: now + ms }));
    }
    this.#forget(now);
  }

  /**
   * The marks of an ingest, as if it had failed there.
   *
   * @param wallNow the moment that is `now` on the clock of the marks, ms since 1970
   */
  marks(stream: StreamKey, now: number, wallNow: number): FailureMark[] {
    return [...(this.#marks.get(stream) ?? [])].map(([origin, { count, until }]) => {
      return { origin, count, until: wallNow + until - now };
    });
  }

  #forget(now: number): void {
    for (const [stream, marks] of this.#marks) {
      for (const [origin, { until }] of marks) if (now - until > REMEMBERED_MS) marks.delete(origin);
      if (marks.size === 0) this.#marks.delete(stream);
    }
    for (const [origin, at] of this.#progress) if (now - at > MARK_MS) this.#progress.delete(origin);
  }
}
