import type { Readable } from "node:stream";
import { HoldfastError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { PullSink } from "../../domain/ports/ingest-puller.ts";
import { RateLimit } from "../../ops/rate-limit.ts";
import { FlvDemuxer } from "../flv/demuxer.ts";
import { MAX_TAG_BODY, type FlvTag } from "../flv/tag.ts";
import type { MemoryBudget } from "../memory-budget.ts";
import { playerPacket } from "../player-packet.ts";
import { PullPace } from "./pull-pace.ts";

/** What reading a program's output needs: a part of the pull options. */
export interface ExecReadingOptions {
  readonly connectTimeout: number;
  readonly idleTimeout: number;
  readonly limits: { readonly messageAfterPublish: number; readonly messagesPerSecond: number };
  readonly budgets: { readonly all: MemoryBudget };
  readonly clock: Clock;
}

/** Reads FLV from a program's output into a sink, no faster than real time, until it ends or somebody says `fail`. */
export class ExecReading {
  readonly #sink: PullSink;
  readonly #options: ExecReadingOptions;
  readonly #demuxer: FlvDemuxer;
  readonly #pace: PullPace;
  readonly #rate: RateLimit;
  readonly #failed = new AbortController();
  #output: Readable | undefined;
  #tags: FlvTag[] = [];
  #wake: () => void = () => undefined;
  /** Since when we want audio or video: ms, monotonic. */
  #wantedSince: number;
  /** Whether a byte has come. */
  opened = false;

  constructor(sink: PullSink, options: ExecReadingOptions) {
    const { limits, clock, budgets } = options;
    const now = (): number => clock.monotonic();
    const longest = Math.min(limits.messageAfterPublish, MAX_TAG_BODY);
    this.#sink = sink;
    this.#options = options;
    this.#demuxer = new FlvDemuxer(longest, (tag) => this.#tags.push(tag), budgets.all);
    this.#pace = new PullPace(now);
    this.#rate = new RateLimit(limits.messagesPerSecond, now);
    this.#wantedSince = now();
  }

  /** Whether the output ended after a whole tag. */
  get complete(): boolean {
    return this.#demuxer.complete;
  }

  /** Fires with what was said to `fail` first. */
  get failure(): AbortSignal {
    return this.#failed.signal;
  }

  /** Read no more: `run` rejects with the first reason. */
  fail(reason: unknown): void {
    if (this.failure.aborted) return;
    this.#failed.abort(reason);
    this.#output?.destroy();
    this.#wake();
  }

  /**
   * Resolves at the end of the output.
   *
   * @throws HoldfastError `SOURCE_UNREACHABLE` (no byte in time), `SOURCE_FAILED` (no more bytes, not FLV, a limit);
   *         what the sink threw; what was said to `fail`
   */
  async run(output: Readable): Promise<void> {
    this.failure.throwIfAborted();
    this.#output = output;
    const pieces = output[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    try {
      for (;;) {
        const piece = await this.#next(pieces);
        if (!piece) return;
        await this.#take(piece);
      }
    } catch (error) {
      this.failure.throwIfAborted();
      throw error;
    } finally {
      this.#demuxer.stop();
    }
  }

  /** The next piece of output; `undefined` at its end. */
  async #next(pieces: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
    const { connectTimeout, idleTimeout, clock } = this.#options;
    const late = (): HoldfastError =>
      this.opened
        ? silent("SOURCE_FAILED", "no audio and no video", idleTimeout)
        : silent("SOURCE_UNREACHABLE", "nothing", connectTimeout);
    const left = this.#wantedSince + (this.opened ? idleTimeout : connectTimeout) - clock.monotonic();
    // A flood of other data would never let the timer fire.
    if (left <= 0) throw late();
    const undo = clock.after(left, () => this.fail(late()));
    try {
      const { value, done } = await pieces.next();
      this.failure.throwIfAborted();
      return done ? undefined : value;
    } finally {
      undo();
    }
  }

  /** Deliver what the piece has, each packet in its time. */
  async #take(piece: Buffer): Promise<void> {
    if (!this.opened) {
      this.opened = true;
      this.#wantedSince = this.#options.clock.monotonic();
      this.#sink.opened();
    }
    let broken: HoldfastError | undefined;
    try {
      this.#demuxer.push(piece);
    } catch (error) {
      broken = new HoldfastError("SOURCE_FAILED", { detail: (error as Error).message }, { cause: error });
    }
    const tags = this.#tags;
    this.#tags = [];
    for (const tag of tags) {
      this.#deliver(tag);
      if (this.#pace.wait() > 0) await this.#whenDue();
    }
    if (broken) throw broken;
  }

  async #whenDue(): Promise<void> {
    for (let wait = this.#pace.wait(); wait > 0; wait = this.#pace.wait()) {
      await new Promise<void>((resolve) => {
        const undo = this.#options.clock.after(wait, resolve);
        this.#wake = () => {
          undo();
          resolve();
        };
      });
      this.failure.throwIfAborted();
    }
    this.#wantedSince = this.#options.clock.monotonic();
  }

  #deliver({ type, timestamp, payload }: FlvTag): void {
    if (!this.#rate.spend())
      throw new HoldfastError("SOURCE_FAILED", { detail: "the program sends too many tags a second" });
    const packet = playerPacket(type, timestamp, payload);
    if (!packet) return;
    if (packet.type !== "data") {
      this.#wantedSince = this.#options.clock.monotonic();
      this.#pace.note(packet);
    }
    this.#sink.write(packet);
  }
}

function silent(code: "SOURCE_FAILED" | "SOURCE_UNREACHABLE", what: string, ms: number): HoldfastError {
  return new HoldfastError(code, { detail: `the program sent ${what} for ${ms} ms` });
}
