import { sequenceStep, type RtpPacket } from "./node-media-server.ts";

/** Older than this it is no straggler: the source counts anew. */
const STRAGGLERS = 64;

/** How a packet follows the one before: `restart` means another sender, whose clock has nothing to do with the last. */
export type Following = "next" | "late" | "gap" | "restart";

/** Watches the sequence numbers of one track. */
export class Sequence {
  #last: number | undefined;
  #ssrc = 0;

  /** The sender; 0 before the first packet. */
  get ssrc(): number {
    return this.#ssrc;
  }

  follow({ sequenceNumber, ssrc }: RtpPacket): Following {
    const last = this.#last;
    const other = last !== undefined && ssrc !== this.#ssrc;
    this.#ssrc = ssrc;
    if (last === undefined || other) {
      this.#last = sequenceNumber;
      return other ? "restart" : "next";
    }
    const step = sequenceStep(last, sequenceNumber);
    if (step <= 0 && step > -STRAGGLERS) return "late";
    this.#last = sequenceNumber;
    return step === 1 ? "next" : "gap";
  }
}
