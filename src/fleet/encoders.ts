import type { HoldfastError } from "../domain/errors.ts";
import type { Encoder } from "./encoder.ts";

/** The encoders of one stream at this origin: the one that feeds it, if any, and those that stand by. */
export class Encoders {
  readonly #all = new Set<Encoder>();

  get size(): number {
    return this.#all.size;
  }

  add(encoder: Encoder): void {
    this.#all.add(encoder);
  }

  delete(encoder: Encoder): void {
    this.#all.delete(encoder);
  }

  /** All but `active`, the preferred one first. */
  standbys(active: Encoder | undefined): Encoder[] {
    return [...this.#all].filter((encoder) => encoder !== active).sort((a, b) => a.rank - b.rank);
  }

  /** Of all but `active` the one to go on with at `now`, monotonic ms: one that lacks pictures only for want of others. */
  next(active: Encoder | undefined, now: number): Encoder | undefined {
    const others = this.standbys(active);
    const sound = active === undefined || !active.pulse.alive(now) ? others : [];
    return others.find(({ pulse }) => pulse.beats(now)) ?? sound.find(({ pulse }) => pulse.alive(now));
  }

  /** Tell all of them to go. */
  revoke(reason: HoldfastError): void {
    const all = [...this.#all];
    this.#all.clear();
    for (const encoder of all) encoder.revoke(reason);
  }
}
