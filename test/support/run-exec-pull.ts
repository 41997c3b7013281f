import type { TestContext } from "node:test";
import { configSchema } from "../../src/config/schema.ts";
import { pullExec, type ExecPullOptions } from "../../src/media/ingest/exec-pull.ts";
import { quietPullOptions } from "./quiet-pull-options.ts";
import { watchPull, type PullWishes, type WatchedPull } from "./watch-pull.ts";

export interface ExecPullCase extends Partial<ExecPullOptions>, PullWishes {
  readonly validFor?: () => number;
}

/** Pull `command`; the pull ends with the test at the latest. */
export function runExecPull(
  t: TestContext,
  command: string,
  { validFor = () => 5_000, onPacket, onOpened, ...more }: ExecPullCase = {},
): WatchedPull {
  const options = { ...quietPullOptions(configSchema.parse({})), allowExec: true, ...more };
  const target = { url: `exec:${command}`, label: "live/cam", validFor };
  return watchPull(t, { onPacket, onOpened }, (sink, signal) => pullExec(target, sink, signal, options));
}
