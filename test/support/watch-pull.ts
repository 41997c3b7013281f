import type { TestContext } from "node:test";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { HoldfastError } from "../../src/domain/errors.ts";
import type { PullSink } from "../../src/domain/ports/ingest-puller.ts";

/** What a test does while media come. */
export interface PullWishes {
  /** Called with each packet; what it throws ends the pull. */
  readonly onPacket?: ((packet: MediaPacket) => void) | undefined;
  readonly onOpened?: (() => void) | undefined;
}

/** One pull of a source, and what came of it. */
export interface WatchedPull {
  readonly packets: MediaPacket[];
  /** How often the sink was told that media may come. */
  readonly opened: number;
  /** Resolves when the pull settles: with what it was rejected with. */
  readonly end: Promise<unknown>;
  abort(reason: Error): void;
}

/** Begin a pull and collect what it delivers; it ends with the test at the latest. */
export function watchPull(
  t: TestContext,
  { onPacket, onOpened }: PullWishes,
  pull: (sink: PullSink, signal: AbortSignal) => Promise<void>,
): WatchedPull {
  const stop = new AbortController();
  const packets: MediaPacket[] = [];
  let opened = 0;
  const sink: PullSink = {
    opened() {
      opened += 1;
      onOpened?.();
    },
    write({ type, timestamp, payload }) {
      // As channels do: the payload may be a view of much more.
      packets.push({ type, timestamp, payload: Buffer.from(payload) });
      onPacket?.({ type, timestamp, payload });
    },
  };
  // An origin has sockets that keep it alive while a pull waits for its time.
  const alive = setInterval(() => undefined, 60_000);
  const end = pull(sink, stop.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  void end.finally(() => clearInterval(alive));
  t.after(async () => {
    stop.abort(new HoldfastError("STOPPING"));
    await end;
  });
  return {
    packets,
    get opened() {
      return opened;
    },
    end,
    abort: (reason) => stop.abort(reason),
  };
}
