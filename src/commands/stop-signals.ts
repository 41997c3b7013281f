import { constants } from "node:os";
import { say } from "./output.ts";

export interface StopSignalOptions {
  /** Also stop when the terminal is closed. Not for what `nohup` may start: handling SIGHUP would undo it. */
  readonly hangup?: boolean;
}

/**
 * Resolves with the name of the first signal that asks this process to stop. A second one ends it at once, with the
 * exit code that shells give a signal: 130 for Ctrl-C, 143 for SIGTERM.
 */
export function onStopSignal({ hangup = false }: StopSignalOptions = {}): Promise<string> {
  const signals = [...(["SIGTERM", "SIGINT"] as const), ...(hangup ? (["SIGHUP"] as const) : [])];
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of signals) {
      process.on(signal, () => {
        if (!asked) return resolve(((asked = true), signal));
        say(`${signal} again: ending at once`);
        process.exit(128 + constants.signals[signal]);
      });
    }
  });
}

/** Resolves when the parent has let go of this process (its IPC channel closed), on purpose or however it ended. */
export function onOrphaned(): Promise<string> {
  return new Promise((resolve) => {
    const gone = () => resolve("the parent process let go");
    if (process.connected) process.once("disconnect", gone);
    else gone();
  });
}
