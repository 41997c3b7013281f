import type { MediaPacket } from "../domain/ports/channel.ts";

/**
 * Whether an encoder brings what players need: pictures, or sound if it has never sent a picture.
 *
 * Pure: moments are arguments, in ms on a monotonic clock.
 */
export class Pulse {
  readonly #stall: number;
  #video = false;
  #lastBeat: number | undefined;
  #lastPacket: number | undefined;
  #steadySince: number | undefined;
  /** When the next beat is due at the latest. */
  #due: number;

  /** @param stall  longest time between two beats, in ms */
  constructor(stall: number, now: number) {
    this.#stall = stall;
    this.#due = now + stall;
  }

  note({ type, payload }: MediaPacket, now: number): void {
    if (type === "data" || payload.length === 0) return;
    this.#lastPacket = now;
    if (type === "video") this.#video = true;
    else if (this.#video) return;
    if (this.#lastBeat === undefined || now >= this.#due) this.#steadySince = now;
    this.#lastBeat = now;
    this.#due = now + this.#stall;
  }

  /** From this moment on it is stalled, unless a beat comes before. */
  get due(): number {
    return this.#due;
  }

  stalled(now: number): boolean {
    return now >= this.#due;
  }

  /** Whether players could go on with it. */
  beats(now: number): boolean {
    return this.#lastBeat !== undefined && !this.stalled(now);
  }

  /** Whether it brings anything at all: sound without the picture is better than nothing. */
  alive(now: number): boolean {
    return this.#lastPacket !== undefined && now - this.#lastPacket < this.#stall;
  }

  /** Whether no beat has been missed for so long. */
  steady(now: number, ms: number): boolean {
    return this.#steadySince !== undefined && !this.stalled(now) && now - this.#steadySince >= ms;
  }
}
