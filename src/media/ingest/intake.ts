import { HoldfastError } from "../../domain/errors.ts";
import type { PullSink } from "../../domain/ports/ingest-puller.ts";
import { RateLimit } from "../../ops/rate-limit.ts";
import { playerPacket } from "../player-packet.ts";
import type { PullOptions } from "./pull-options.ts";

/**
 * The near end of one pull: hands media on, and ends the pull when its signal says so, when the sink takes no more, or
 * when the source falls silent.
 *
 * Whoever makes it calls `close`, whatever happens.
 */
export class Intake {
  readonly #sink: PullSink;
  readonly #signal: AbortSignal;
  readonly #options: PullOptions;
  readonly #rate: RateLimit;
  readonly #over = new AbortController();
  readonly #abort = (): void => this.fail(this.#signal.reason);
  #opened = false;
  #began = false;
  /** Monotonic time of the last audio or video. */
  #heard = 0;
  #forget: () => void = () => {};

  constructor(sink: PullSink, signal: AbortSignal, options: PullOptions) {
    this.#sink = sink;
    this.#signal = signal;
    this.#options = options;
    this.#rate = new RateLimit(options.limits.messagesPerSecond, () => options.clock.monotonic());
    if (signal.aborted) this.#abort();
    else signal.addEventListener("abort", this.#abort, { once: true });
  }

  /** Fires once, when the pull must end, with the reason that it is rejected with. */
  get over(): AbortSignal {
    return this.#over.signal;
  }

  /** Whether the source has sent audio or video. */
  get began(): boolean {
    return this.#began;
  }

  /** The source answered. From now on it must send media. A source that a redirect led to answers once more. */
  open(): void {
    if (this.over.aborted) return;
    this.#heard = this.#options.clock.monotonic();
    this.#listen(this.#options.idleTimeout);
    if (this.#opened) return;
    this.#opened = true;
    this.#guard(() => this.#sink.opened());
  }

  /** The source need not send anything: it is being dialled again. */
  rest(): void {
    this.#forget();
  }

  /** The source sends media, though nothing yet that a player can begin with. */
  hear(): void {
    this.#heard = this.#options.clock.monotonic();
  }

  /** Take one message or tag, by its type. What is for players goes on to the sink. */
  take(type: number, timestamp: number, payload: Buffer): void {
    if (this.over.aborted || payload.length === 0) return;
    if (!this.#rate.spend()) return this.fail(failed("the source sends too many messages"));
    const packet = playerPacket(type, timestamp, payload);
    if (!packet) return;
    if (packet.type !== "data") {
      this.#began = true;
      this.#heard = this.#options.clock.monotonic();
    }
    this.#guard(() => this.#sink.write(packet));
  }

  /** End the pull with this reason, unless it has one. */
  fail(reason: unknown): void {
    if (this.over.aborted) return;
    this.#forget();
    this.#over.abort(reason);
  }

  /** Fail after `connectTimeout` with what `late` says, unless the returned function is called before. */
  limit(late: () => HoldfastError): () => void {
    return this.#options.clock.after(this.#options.connectTimeout, () => this.fail(late()));
  }

  /** Let go of the signal and the clock. */
  close(): void {
    this.#forget();
    this.#signal.removeEventListener("abort", this.#abort);
  }

  #guard(hand: () => void): void {
    try {
      hand();
    } catch (error) {
      this.fail(error);
    }
  }

  #listen(ms: number): void {
    this.#forget();
    this.#forget = this.#options.clock.after(ms, () => {
      // A process that stood still hears its timers first, and what has arrived meanwhile only then.
      const look = setImmediate(() => this.#listenOn());
      this.#forget = () => clearImmediate(look);
    });
  }

  #listenOn(): void {
    const { clock, idleTimeout } = this.#options;
    const silent = clock.monotonic() - this.#heard;
    if (silent < idleTimeout) return this.#listen(idleTimeout - silent);
    const what = this.#began ? "the source sends no more media" : "the source sends no media";
    this.fail(new HoldfastError("SOURCE_FAILED", { detail: `${what} for ${idleTimeout} ms`, idleTimeout }));
  }
}

function failed(detail: string): HoldfastError {
  return new HoldfastError("SOURCE_FAILED", { detail });
}
