import type { Clock } from "../domain/ports/clock.ts";
import type { StreamKey } from "../domain/stream-key.ts";

interface Count {
  readonly since: number;
  redirects: number;
}

const WINDOW_MS = 10_000;
const MAX_REDIRECTS = 3;
const MAX_ENTRIES = 10_000;

/**
 * Stops a redirect loop that crosses origins: counts the redirects per client address and stream.
 *
 * SRS keeps only host and port of a 302, so that no mark in the URL survives. On doubt, and when there are too many
 * clients to count, the answer is no: the stream is then relayed.
 * Seen: a redirect to itself made an SRS edge 7.0.18 connect 245 times in 12 s.
 */
export class RedirectGuard {
  readonly #clock: Clock;
  /** In the order in which their windows began. */
  readonly #counts = new Map<string, Count>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Count a redirect, if one more is harmless. */
  allow(address: string, key: StreamKey): boolean {
    const now = this.#clock.monotonic();
    this.#sweep(now);
    const name = `${address} ${key}`;
    const count = this.#counts.get(name);
    if (count) return ++count.redirects <= MAX_REDIRECTS;
    if (this.#counts.size >= MAX_ENTRIES) return false;
    this.#counts.set(name, { since: now, redirects: 1 });
    return true;
  }

  #sweep(now: number): void {
    for (const [name, { since }] of this.#counts) {
      if (now - since < WINDOW_MS) return;
      this.#counts.delete(name);
    }
  }
}
