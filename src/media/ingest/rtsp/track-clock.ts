import { timestampStep, type SenderReport } from "./node-media-server.ts";

/** ms by which an RTP timestamp may lead what the time of arrival allows, or go back, before it is another clock. */
const MOST_LEAD = 5_000;
const MOST_BACK = 1_500;
/** An RTP-Info whose rtptime is further from the first packet is wrong: many cameras write 0. */
const MOST_INFO = 10_000;
/** ms by which two tracks must be apart to be moved, and by which they cannot be. */
const LEAST_SKEW = 30;
const MOST_SKEW = 10_000;
/** Wall clocks of two reports of one source may differ by this much of the time between their arrivals. */
const MOST_WALL_DRIFT = 1_000;

interface Moment {
  readonly rtp: number;
  readonly time: number;
  readonly arrival: number;
}

interface Report {
  /** The source's wall clock minus the session's time of the same moment. */
  readonly ahead: number;
  /** The source's wall clock minus the time of arrival. */
  readonly late: number;
}

/**
 * Turns RTP timestamps of one track into ms of its session, which begins with the first packet of any track.
 *
 * The first packet of a track is placed by RTP-Info, else by its arrival; sender reports put the sound where the
 * picture is. Timestamps may wrap. A jump that the time of arrival does not explain is taken out.
 */
export class TrackClock {
  readonly #rate: number;
  #last: Moment | undefined;
  #info: number | undefined;
  #report: Report | undefined;
  #jumps = 0;

  /** @param rate  ticks per second */
  constructor(rate: number) {
    this.#rate = rate;
  }

  /** Grows when times before and after have nothing to do with each other. */
  get jumps(): number {
    return this.#jumps;
  }

  /** What RTP-Info says: the timestamp of the session's beginning. */
  set rtpInfo(rtp: number | undefined) {
    this.#info = rtp;
  }

  /** The source counts anew: the next timestamp says nothing about the time since the last. */
  restart(): void {
    if (this.#last) this.#last = { ...this.#last, rtp: Number.NaN };
    this.#report = undefined;
  }

  /**
   * The time of a timestamp.
   *
   * @param arrival  ms since the session began
   */
  time(rtp: number, arrival: number): number {
    const time = this.#last ? this.#follow(this.#last, rtp, arrival) : this.#begin(rtp, arrival);
    this.#last = { rtp, time, arrival };
    return time;
  }

  /** A sender report of this track. */
  heard({ wallTime, rtpTime }: SenderReport, arrival: number): void {
    if (!this.#last || Number.isNaN(this.#last.rtp)) return;
    const time = this.#last.time + this.#ms(timestampStep(this.#last.rtp, rtpTime));
    this.#report = { ahead: wallTime - time, late: wallTime - arrival };
  }

  /** Move this track to where it belongs beside another, once both have been reported. */
  alignTo(other: TrackClock): void {
    const [own, theirs] = [this.#report, other.#report];
    if (!own || !theirs || !this.#last) return;
    // The source's wall clock was set between the two reports.
    if (Math.abs(own.late - theirs.late) > MOST_WALL_DRIFT) return;
    const skew = own.ahead - theirs.ahead;
    if (Math.abs(skew) < LEAST_SKEW || Math.abs(skew) > MOST_SKEW) return;
    this.#last = { ...this.#last, time: this.#last.time + skew };
    this.#report = { ...own, ahead: theirs.ahead };
  }

  #begin(rtp: number, arrival: number): number {
    if (this.#info === undefined) return arrival;
    const time = this.#ms(timestampStep(this.#info, rtp));
    return Math.abs(time) > MOST_INFO ? arrival : time;
  }

  #follow(last: Moment, rtp: number, arrival: number): number {
    const elapsed = Math.max(0, arrival - last.arrival);
    const step = this.#ms(timestampStep(last.rtp, rtp));
    if (step >= -MOST_BACK && step <= elapsed + MOST_LEAD) return last.time + step;
    this.#jumps += 1;
    this.#report = undefined;
    return last.time + elapsed;
  }

  #ms(ticks: number): number {
    return (ticks * 1_000) / this.#rate;
  }
}
