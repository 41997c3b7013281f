import type { OriginRecord } from "../../domain/origin-record.ts";

interface Seen {
  readonly epoch: number;
  readonly beat: number;
  readonly at: number;
}

/** Which sessions have stopped beating: they may end soon. */
export class SessionWatch {
  #seen = new Map<string, Seen>();

  /**
   * @param now monotonic, ms
   * @param patience how long a beat may stay the same, ms
   * @returns names of those whose beat has stood still for longer, or was never seen to move
   */
  silent(origins: readonly OriginRecord[], now: number, patience: number): string[] {
    const before = this.#seen;
    this.#seen = new Map();
    for (const { name, epoch, beat } of origins) {
      const known = before.get(name);
      const same = known?.epoch === epoch && known.beat === beat;
      this.#seen.set(name, same ? known : { epoch, beat, at: known ? now : -Infinity });
    }
    return [...this.#seen].filter(([, { at }]) => now - at > patience).map(([name]) => name);
  }
}
