import type { TestContext } from "node:test";
import { configSchema, type ConfigInput } from "../../src/config/schema.ts";
import { createIngestPuller } from "../../src/media/ingest/puller.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { memoryLog, type LogLine } from "./start-rtmp.ts";
import { watchPull, type PullWishes, type WatchedPull } from "./watch-pull.ts";

export interface PullCase extends PullWishes {
  readonly config?: ConfigInput;
}

/** One pull through the puller of an origin. */
export interface TestPull extends WatchedPull {
  /** What it logged. */
  readonly lines: readonly LogLine[];
  /** What it was rejected with, for `assert.match`: `SOURCE_REFUSED: why`; `ended` when it was not. */
  said(): Promise<string>;
}

/** Pull `url`; the pull ends with the test at the latest. */
export function startPull(t: TestContext, url: string, { config = {}, ...wishes }: PullCase = {}): TestPull {
  const { log, lines } = memoryLog();
  const puller = createIngestPuller({ config: configSchema.parse(config), clock: systemClock, log });
  const target = { url, label: "live/cam", validFor: () => 5_000 };
  const pull = watchPull(t, wishes, (sink, signal) => puller.pull(target, sink, signal));
  const said = async (): Promise<string> => {
    const error = (await pull.end) as (Error & { code?: string }) | undefined;
    return error === undefined ? "ended" : `${error.code ?? error.name}: ${error.message}`;
  };
  return Object.assign(pull, { lines, said });
}
