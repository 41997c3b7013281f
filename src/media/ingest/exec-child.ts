import { spawn, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Logger } from "pino";
import { HoldfastError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import { groupGone, signalGroup } from "./process-group.ts";
import { StderrTail } from "./stderr-tail.ts";

const SHELL = "/bin/sh";
const GUARD = fileURLToPath(new URL("exec-guard.sh", import.meta.url));
/** The guard hears this often how long the lease is valid; more often towards its end. */
const TELL_EVERY_MS = 1_000;
const TELL_AT_LEAST_EVERY_MS = 100;
/** As much as a guard may believe. */
const LONGEST_VALID_MS = 60_000;
/** Pause between two pieces of standard error, so that a program that floods it takes no time from others. */
const STDERR_PAUSE_MS = 10;
const LEAST_MS = 1;
/** A process that SIGKILL does not end in this time hangs in the kernel, or belongs to somebody else. */
const KILL_MS = 5_000;

/** How a program ended: `code` is `null` when a signal ended it. */
export interface ExecExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ExecChildParts {
  /** All that the program finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  /** ms for which the program may run. */
  readonly validFor: () => number;
  readonly mask: (text: string) => string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The program could not be started (`SOURCE_FAILED`), or its time is over (`LEASE_LOST`): it was killed. */
  readonly failed: (reason: HoldfastError) => void;
}

/**
 * A program in a process group of its own, and beside it a guard (exec-guard.sh) that kills the group when this process
 * dies, or hangs for longer than `validFor` said last. When the program ends, the rest of its group is killed.
 */
export class ExecChild {
  /** Resolves when the program has ended and its output has been read, or given up. Never when it was not started. */
  readonly closed: Promise<ExecExit>;
  readonly #parts: ExecChildParts;
  readonly #child: ChildProcess;
  readonly #stderr: StderrTail;
  readonly #exited: Promise<void>;
  #stopTelling: () => void = () => undefined;

  /** @param command  the program's file and its arguments */
  constructor(command: readonly string[], parts: ExecChildParts) {
    this.#parts = parts;
    this.#stderr = new StderrTail(parts.mask);
    // Without file descriptors left it has neither a pid nor streams, and says so in `error`.
    const child: ChildProcess = spawn(SHELL, [GUARD, seconds(parts.validFor()), ...command], {
      detached: true,
      env: parts.env,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    child.once("error", (cause) => {
      const detail = `the program could not be started: ${(cause as NodeJS.ErrnoException).code ?? cause.message}`;
      parts.failed(new HoldfastError("SOURCE_FAILED", { detail }, { cause }));
    });
    // The guard is gone: without it the program must not run. When it is gone with all others, this changes nothing.
    child.stdin?.on("error", () => this.#signal("SIGKILL"));
    this.#exited = new Promise((resolve) => child.once("exit", () => resolve(this.#signal("SIGKILL"))));
    this.closed = new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));
    if (child.stderr) void this.#readStderr(child.stderr);
    if (child.pid !== undefined) this.#tellLater();
  }

  /** Standard output; none when it could not be started. */
  get stdout(): Readable | null {
    return this.#child.stdout;
  }

  /** The last lines of standard error, for people. */
  get said(): string {
    return this.#stderr.text();
  }

  /**
   * End it: SIGTERM, and SIGKILL after `grace` ms; at once when that is 0. Resolves when no process of the group runs.
   */
  async stop(grace: number): Promise<void> {
    const { pid, stdout, stdin, stderr } = this.#child;
    stdout?.destroy();
    if (pid !== undefined) {
      if (grace > 0) await this.#askToEnd(grace);
      this.#signal("SIGKILL");
      const undo = this.#parts.clock.after(KILL_MS, () =>
        this.#parts.log.warn(
          { stream: this.#parts.env["HOLDFAST_STREAM"], pid },
          "exec program outlived SIGKILL",
        ),
      );
      await groupGone(pid);
      undo();
    }
    this.#stopTelling();
    stdin?.destroy();
    stderr?.destroy();
  }

  async #askToEnd(grace: number): Promise<void> {
    this.#signal("SIGTERM");
    let undo = (): void => undefined;
    const late = new Promise<void>((resolve) => (undo = this.#parts.clock.after(grace, resolve)));
    await Promise.race([this.#exited, late]);
    undo();
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid !== undefined) signalGroup(this.#child.pid, signal);
  }

  #tellLater(): void {
    const pause = Math.max(TELL_AT_LEAST_EVERY_MS, Math.min(TELL_EVERY_MS, this.#parts.validFor() / 4));
    this.#stopTelling = this.#parts.clock.after(pause, () => this.#tell());
  }

  #tell(): void {
    const { exitCode, signalCode, stdin } = this.#child;
    if (exitCode !== null || signalCode !== null) return;
    const left = this.#parts.validFor();
    if (left <= 0) {
      this.#signal("SIGKILL");
      return this.#parts.failed(new HoldfastError("LEASE_LOST"));
    }
    stdin?.write(`${seconds(left)}\n`);
    this.#tellLater();
  }

  async #readStderr(stderr: Readable): Promise<void> {
    try {
      for await (const data of stderr) {
        this.#stderr.push(data as Buffer);
        await new Promise<void>((resolve) => this.#parts.clock.after(STDERR_PAUSE_MS, resolve));
      }
    } catch {
      // Destroyed by `stop`.
    }
  }
}

function seconds(ms: number): string {
  return (Math.min(LONGEST_VALID_MS, Math.max(LEAST_MS, ms)) / 1_000).toFixed(3);
}
