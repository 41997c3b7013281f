import type { Logger } from "pino";

export interface RecordedLine {
  readonly level: "debug" | "info" | "warn" | "error" | "fatal";
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A logger that keeps its lines as they are: writing JSON would take longer than all the rest. */
export function recordingLog(): { readonly log: Logger; readonly lines: RecordedLine[] } {
  const lines: RecordedLine[] = [];
  const write =
    (level: RecordedLine["level"]) =>
    (fields: Readonly<Record<string, unknown>>, text: string): void =>
      void lines.push({ level, text, fields });
  const log = {
    level: "debug",
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    fatal: write("fatal"),
    trace: () => undefined,
    child: () => log,
    isLevelEnabled: () => true,
  };
  return { log: log as unknown as Logger, lines };
}
