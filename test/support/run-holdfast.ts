import { spawn, type ChildProcess } from "node:child_process";

/** How a run of the command line program ended, and what it said. */
export interface HoldfastRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Holdfast {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly said: { readonly stdout: string; readonly stderr: string };
  readonly ended: Promise<HoldfastRun>;
  /** SIGKILL, and wait until it is gone. */
  kill(): Promise<void>;
}

export interface HoldfastOptions {
  /** A directory of this test: the program keeps its files there and sees no settings of the user. */
  readonly home: string;
  readonly env?: Readonly<Record<string, string>>;
}

const MOST_MS = 120_000;

/** Run `holdfast` from the sources, as a user does in a pipe. */
export function runHoldfast(args: readonly string[], { home, env = {} }: HoldfastOptions): Holdfast {
  const child = spawn(process.execPath, ["--import", "tsx", "src/cli.ts", ...args], {
    env: { PATH: process.env["PATH"], HOME: home, XDG_RUNTIME_DIR: home, TZ: "UTC", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: MOST_MS,
    killSignal: "SIGKILL",
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  const ended = new Promise<HoldfastRun>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal, ...said }));
  });
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  return { child, said, ended, kill };
}
