import { HoldfastError } from "../domain/errors.ts";
import type { Clock } from "../domain/ports/clock.ts";

export interface WatchLimits {
  /** A publisher without media for this long is gone, in ms. */
  readonly publisherTimeout: number;
  /** Anybody else who takes nothing and says nothing for this long is gone, in ms. */
  readonly playerTimeout: number;
}

/** What is seen of the peer. */
export interface WatchedPeer {
  readonly bytesIn: number;
  /** @see RtmpConnection.taken */
  readonly taken: number;
  readonly backlog: number;
  ping(time: number): void;
}

/** Bytes that show a publisher to be in the middle of a long message, rather than answering pings. */
const MESSAGE_PROGRESS = 1_024;
const LONGEST_PING_PAUSE = 20_000;
const CHECKS = 4;

/** Says when a peer is late with what it must do next, or has fallen silent. One per connection. */
export class SessionWatch {
  readonly #clock: Clock;
  readonly #limits: WatchLimits;
  readonly #peer: WatchedPeer;
  readonly #late: (error: HoldfastError) => void;
  readonly #began: number;
  #cancelDeadline = (): void => undefined;
  #cancelCheck = (): void => undefined;

  constructor(clock: Clock, limits: WatchLimits, peer: WatchedPeer, late: (error: HoldfastError) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#peer = peer;
    this.#late = late;
    this.#began = clock.monotonic();
  }

  /** `what` must come within `ms` of the beginning of the connection. Replaces the deadline before. */
  expectSinceBegin(what: string, ms: number): void {
    this.expect(what, ms - (this.#clock.monotonic() - this.#began));
  }

  /** `what` must come within `ms`. Replaces the deadline before. */
  expect(what: string, ms: number): void {
    this.#cancelDeadline();
    this.#cancelDeadline = this.#clock.after(Math.max(0, ms), () => this.#fail(`no ${what} came in time`));
  }

  /** It came; nothing is due. */
  settle(): void {
    this.#cancelDeadline();
  }

  /** From now on the peer must show life: it is pinged, and reading counts, too. */
  expectLife(): void {
    const limit = this.#limits.playerTimeout;
    const pingEvery = Math.min(LONGEST_PING_PAUSE, limit / CHECKS);
    let heard = this.#peer.bytesIn;
    let taken = this.#peer.taken;
    let alive = this.#clock.monotonic();
    this.#every(pingEvery, () => {
      const now = this.#clock.monotonic();
      if (this.#peer.bytesIn > heard || this.#peer.taken > taken) alive = now;
      heard = this.#peer.bytesIn;
      taken = this.#peer.taken;
      if (now - alive >= limit) return this.#fail("the client answers no ping and takes nothing");
      // Behind a backlog a ping says nothing that the backlog does not say.
      if (this.#peer.backlog === 0) this.#peer.ping(Math.trunc(now - this.#began));
    });
  }

  /** From now on media must come; `received` counts the messages. */
  expectMedia(received: () => number): void {
    const limit = this.#limits.publisherTimeout;
    let messages = received();
    let bytes = this.#peer.bytesIn;
    let alive = this.#clock.monotonic();
    this.#every(limit / CHECKS, () => {
      const now = this.#clock.monotonic();
      if (received() > messages || this.#peer.bytesIn - bytes >= MESSAGE_PROGRESS) {
        alive = now;
        messages = received();
        bytes = this.#peer.bytesIn;
      }
      if (now - alive >= limit) this.#fail("the publisher sends no media");
    });
  }

  stop(): void {
    this.#cancelDeadline();
    this.#cancelCheck();
  }

  #every(ms: number, check: () => void): void {
    this.#cancelCheck();
    const again = (): void => {
      // Armed first: the check may stop the watch.
      this.#cancelCheck = this.#clock.after(ms, again);
      check();
    };
    this.#cancelCheck = this.#clock.after(ms, again);
  }

  #fail(detail: string): void {
    this.stop();
    this.#late(new HoldfastError("TIMED_OUT", { detail }));
  }
}
