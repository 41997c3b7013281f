import { HoldfastError } from "../domain/errors.ts";
import type { OutputForm, Subscriber } from "../domain/ports/channel.ts";
import type { Clock } from "../domain/ports/clock.ts";
import { Batch } from "./fanout-batch.ts";
import { BacklogLimit, type BacklogLimits } from "./fanout-limit.ts";
import { Seat, type SeatLimits } from "./fanout-seat.ts";
import type { FanoutTotals } from "./fanout-totals.ts";
import { fanoutWindow } from "./fanout-window.ts";
import { GopCache, type GopLimits } from "./gop-cache.ts";
import type { GroupMemory } from "./group-memory.ts";
import type { StreamMessage } from "./message.ts";
import { Tape, type TapedMessage } from "./tape.ts";

export interface FanoutSettings extends SeatLimits, BacklogLimits {
  /** Longest window in ms. */
  readonly maxWindow: number;
  readonly gop: GopLimits;
  /** Of all streams of the origin. */
  readonly groups: GroupMemory;
  /** RTMP chunk size that all players were told. */
  readonly chunkSize: number;
}

const FORMS: readonly OutputForm[] = ["rtmp", "flv"];
/** A window is over before its time when so much was collected: buffers stay small, however fast the source. */
const FLUSH_BYTES = 1_048_576;

/**
 * From one stream of messages to many players.
 *
 * Messages are collected for a window and serialised once per form that somebody needs; each player gets the same
 * buffer in one write. Between two flushes nothing was sent, so that is where players join: they get all that was
 * flushed since the last keyframe, and the next batch like everybody else. Joining flushes nothing.
 */
export class Fanout {
  readonly #clock: Clock;
  readonly #settings: FanoutSettings;
  readonly #totals: FanoutTotals;
  readonly #onPlayers: () => void;
  readonly #gop: GopCache;
  readonly #limit: BacklogLimit;
  readonly #seats: Readonly<Record<OutputForm, Set<Seat>>> = { rtmp: new Set(), flv: new Set() };
  readonly #tape: Tape;
  /** Begun with its first message: one that waited here would grow old, and V8 would take all of them for old. */
  #batch: Batch | undefined;
  #cancelTimer: (() => void) | undefined;
  /** When the timer should fire, monotonic ms. */
  #due = 0;
  #flushes = 0;
  #flushesSoon = false;
  readonly #soon = (): void => {
    this.#flushesSoon = false;
    this.flush();
  };

  /** @param onPlayers  called after somebody came or went */
  constructor(clock: Clock, settings: FanoutSettings, totals: FanoutTotals, onPlayers: () => void) {
    this.#clock = clock;
    this.#onPlayers = onPlayers;
    this.#settings = settings;
    this.#totals = totals;
    this.#tape = new Tape(settings.chunkSize);
    this.#gop = new GopCache(settings.gop, settings.chunkSize, settings.groups);
    this.#limit = new BacklogLimit(settings);
  }

  get players(): number {
    return this.#seats.rtmp.size + this.#seats.flv.size;
  }

  /** How long messages are collected now, in ms. */
  get window(): number {
    return fanoutWindow({ own: this.players, all: this.#totals.players }, this.#settings.maxWindow);
  }

  /** Send a message to everybody, at the end of the window at the latest. */
  push(message: StreamMessage): void {
    const taped = this.#tape.append(message);
    if (this.players === 0 && !this.#batch) return this.#keep(taped);
    const batch = (this.#batch ??= new Batch());
    batch.add(taped);
    if (batch.bytes >= FLUSH_BYTES) return this.flush();
    if (this.#cancelTimer) return this.#flushIfDue();
    const { window } = this;
    if (window === 0) return this.#flushSoon();
    this.#due = this.#clock.monotonic() + window;
    this.#cancelTimer = this.#clock.after(window, () => this.flush());
  }

  /** Send what was collected, now. */
  flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const batch = this.#batch;
    if (!batch) return;
    this.#batch = undefined;
    this.#flushes += 1;
    this.#totals.flushes += 1;
    for (const taped of batch.messages) this.#gop.add(taped);
    const now = this.#clock.monotonic();
    const limit = this.#limit.after(batch.bytes, now);
    for (const form of FORMS) if (this.#seats[form].size > 0) this.#deliver(batch, form, now, limit);
  }

  /** Add a player: it gets what it needs to begin at once, or at the next keyframe. */
  join(subscriber: Subscriber): Seat {
    this.#flushIfDue();
    const seat = new Seat(subscriber, this.#flushes, this.#settings);
    this.#seats[subscriber.form].add(seat);
    this.#totals.players += 1;
    const snapshot = this.#gop.snapshot(subscriber.form);
    if (snapshot) {
      seat.begin(snapshot.reduce((sum, { length }) => sum + length, 0));
      for (const bytes of snapshot) this.#send(seat, bytes);
    }
    this.#onPlayers();
    return seat;
  }

  /** Whether it was still there. */
  leave(seat: Seat): boolean {
    if (!this.#seats[seat.subscriber.form].delete(seat)) return false;
    this.#totals.players -= 1;
    this.#onPlayers();
    return true;
  }

  /** The source is gone: nobody begins with what it left behind. */
  forget(): void {
    this.flush();
    this.#gop.clear();
  }

  /** Send the rest, tell everybody, and let all go. */
  end(reason: HoldfastError): void {
    this.forget();
    for (const form of FORMS)
      for (const seat of this.#seats[form]) if (this.leave(seat)) seat.subscriber.end(reason);
  }

  /** Nobody plays: most streams of most fleets, most of the time. */
  #keep(taped: TapedMessage): void {
    this.#gop.add(taped);
    this.#limit.after(taped.end - taped.start, this.#clock.monotonic());
  }

  /** Without a window: what was read in one go is written in one go. */
  #flushSoon(): void {
    if (this.#flushesSoon) return;
    this.#flushesSoon = true;
    queueMicrotask(this.#soon);
  }

  /** Timers wait until all sockets that have something to say were heard: in a storm of joins that is long. */
  #flushIfDue(): void {
    if (this.#batch && this.#clock.monotonic() >= this.#due) this.flush();
  }

  #deliver(batch: Batch, form: OutputForm, now: number, limit: number): void {
    const bytes = batch.as(form, this.#settings.chunkSize);
    const round = this.#flushes;
    for (const seat of this.#seats[form]) {
      // Who joined because of this very batch has it in the snapshot.
      if (seat.joinedIn === round) continue;
      const portion = seat.portion(batch, now, limit);
      if (portion.kind === "all") this.#send(seat, bytes.all);
      else if (portion.kind === "start")
        this.#send(seat, portion.headers ? bytes.headersAndStart : bytes.fromStart);
      else if (portion.kind === "nothing") this.#totals.skips += 1;
      else this.#drop(seat, new HoldfastError("SLOW_READER"));
    }
  }

  /** A player whose write fails is let go: the others get theirs, and the process lives on. */
  #send(seat: Seat, bytes: Buffer): void {
    this.#totals.writes += 1;
    this.#totals.bytes += bytes.length;
    try {
      seat.subscriber.write(bytes);
    } catch (error) {
      // What went wrong inside is nothing for the player to read.
      this.#drop(
        seat,
        error instanceof HoldfastError ? error : new HoldfastError("INTERNAL", {}, { cause: error }),
      );
    }
  }

  #drop(seat: Seat, reason: HoldfastError): void {
    if (!this.leave(seat)) return;
    this.#totals.drops += 1;
    seat.subscriber.end(reason);
  }
}
