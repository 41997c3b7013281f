import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import type { Readable, Writable } from "node:stream";

export interface ProgramOptions {
  /** Handed each piece of standard output; without it standard output is thrown away. */
  readonly onOutput?: (data: Buffer) => void;
  /** Give the program a standard input to write to. */
  readonly input?: boolean;
  /** SIGKILL after this many ms. */
  readonly timeoutMs?: number;
}

/** How a program ended. */
export interface ProgramExit {
  /** `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** True when its time was over. */
  readonly timedOut: boolean;
  /** The last 16 kB of standard error. */
  readonly stderr: string;
  /** ms it ran. */
  readonly ranMs: number;
}

const STDERR_KEPT = 16_384;

/**
 * A program of a test, in a process group of its own, which is killed as a whole.
 *
 * On Linux the kernel kills it, too, when the test process dies before it could.
 */
export class Program {
  readonly name: string;
  /** Resolves once the process is gone and its output is read. */
  readonly exit: Promise<ProgramExit>;
  readonly #child: ChildProcess;
  #stderr = "";
  #timedOut = false;
  #gone = false;

  constructor(name: string, command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.name = name;
    const [file, ...rest] = [...dieWithParent(), command, ...args];
    const began = performance.now();
    this.#child = spawn(file as string, rest, {
      detached: true,
      env: { ...process.env, PATH: searchPath() },
      stdio: [options.input ? "pipe" : "ignore", options.onOutput ? "pipe" : "ignore", "pipe"],
    });
    if (options.onOutput) (this.#child.stdout as Readable).on("data", options.onOutput);
    (this.#child.stderr as Readable).on("data", (data: Buffer) => {
      this.#stderr = (this.#stderr + data.toString("utf8")).slice(-STDERR_KEPT);
    });
    // EPIPE: the program left before its input was written; its exit tells more.
    this.#child.stdin?.on("error", () => undefined);
    const timer = setTimeout(() => {
      this.#timedOut = true;
      this.kill();
    }, options.timeoutMs ?? 60_000);
    this.exit = new Promise((resolve, reject) => {
      this.#child.once("error", (error) => {
        this.#gone = true;
        clearTimeout(timer);
        reject(error);
      });
      this.#child.once("close", (code, signal) => {
        this.#gone = true;
        clearTimeout(timer);
        const ranMs = performance.now() - began;
        resolve({ code, signal, timedOut: this.#timedOut, stderr: this.#stderr, ranMs });
      });
    });
    // Seen by whoever awaits `exit`; a failed start must not end the test process.
    this.exit.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return !this.#gone && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What it has said so far, its last 16 kB. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Standard input. Only with `input`. */
  get input(): Writable {
    if (!this.#child.stdin) throw new Error(`${this.name} has no standard input`);
    return this.#child.stdin;
  }

  /** Send a signal to the whole process group. */
  kill(signal: NodeJS.Signals = "SIGKILL"): void {
    if (this.#child.pid === undefined || this.#gone) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // ESRCH: it ended by itself.
    }
  }

  /** SIGKILL, and wait until it is gone. */
  async stop(): Promise<void> {
    this.kill();
    await this.exit.catch(() => undefined);
  }
}

function dieWithParent(): readonly string[] {
  return process.platform === "linux" && isInstalled("setpriv")
    ? ["setpriv", "--pdeathsig", "KILL", "--"]
    : [];
}

/** Debian keeps servers where only root looks for them. */
function searchPath(): string {
  return `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`;
}

/** Where this program is. */
export function findProgram(command: string): string | undefined {
  return searchPath()
    .split(delimiter)
    .map((dir) => join(dir, command))
    .find((file) => existsSync(file));
}

/** Whether this program can be started. */
export function isInstalled(command: string): boolean {
  return findProgram(command) !== undefined;
}

/** For a test's `skip`: the reason when one of these clients needs a program that is not installed. */
export function missing(...clients: readonly { readonly program?: string }[]): string | false {
  const programs = clients.flatMap(({ program }) => program ?? []).filter((program) => !isInstalled(program));
  return programs.length > 0 && `not installed: ${programs.join(", ")}`;
}
