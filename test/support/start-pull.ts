import type { TestContext } from "node:test";
import { configSchema, type ConfigInput } from "../../src/config/schema.ts";
import type { MediaPacket } from "../../src/domain/ports/channel.ts";
import { createIngestPuller } from "../../src/media/ingest/puller.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { memoryLog, type LogLine } from "./start-rtmp.ts";

export interface PullCase {
  readonly config?: ConfigInput;
  /** Called with each packet; what it throws ends the pull. */
  readonly onPacket?: (packet: MediaPacket) => void;
  readonly onOpened?: () => void;
}

/** One pull through the puller of an origin, and what came of it. */
export interface TestPull {
  readonly packets: MediaPacket[];
  /** How often the sink was told that media may come. */
  readonly opened: number;
  /** What it logged. */
  readonly lines: readonly LogLine[];
  /** Resolves when the pull settles: with what it was rejected with. */
  readonly end: Promise<unknown>;
  /** What it was rejected with, for `assert.match`: `SOURCE_REFUSED: why`; `ended` when it was not. */
  said(): Promise<string>;
  abort(reason: Error): void;
}

/** Pull `url`; the pull ends with the test at the latest. */
export function startPull(t: TestContext, url: string, test: PullCase = {}): TestPull {
  const config = configSchema.parse(test.config ?? {});
  const { log, lines } = memoryLog();
  const puller = createIngestPuller({ config, clock: systemClock, log });
  const stop = new AbortController();
  const packets: MediaPacket[] = [];
  let opened = 0;
  const sink = {
    opened() {
      opened += 1;
      test.onOpened?.();
    },
    write({ type, timestamp, payload }: MediaPacket) {
      // As channels do: the payload may be a view of much more.
      packets.push({ type, timestamp, payload: Buffer.from(payload) });
      test.onPacket?.({ type, timestamp, payload });
    },
  };
  const target = { url, label: "live/cam", validFor: () => 5_000 };
  // An origin has sockets that keep it alive while a pull waits for its time.
  const alive = setInterval(() => undefined, 60_000);
  const end = puller.pull(target, sink, stop.signal).then(
    () => undefined,
    (error: unknown) => error,
  );
  void end.finally(() => clearInterval(alive));
  t.after(async () => {
    stop.abort(new Error("the test is over"));
    await end;
  });
  return {
    packets,
    get opened() {
      return opened;
    },
    lines,
    end,
    async said() {
      const error = (await end) as (Error & { code?: string }) | undefined;
      return error === undefined ? "ended" : `${error.code ?? error.name}: ${error.message}`;
    },
    abort: (reason) => stop.abort(reason),
  };
}
