import type { Logger } from "pino";
import type { Clock } from "../../domain/ports/clock.ts";
import { HoldfastError } from "../../domain/errors.ts";
import type { PullSink, PullTarget } from "../../domain/ports/ingest-puller.ts";
import { parseSourceUrl } from "../../domain/source-url.ts";
import type { ReceiveBudgets } from "../receive-budgets.ts";
import { maskerOf } from "./command-secrets.ts";
import { commandWords } from "./command-words.ts";
import { ExecChild, type ExecExit } from "./exec-child.ts";
import { execEnvironment } from "./exec-environment.ts";
import { ExecReading } from "./exec-reading.ts";
import { findProgram } from "./find-program.ts";

/** So long a program may say goodbye to its source after SIGTERM. */
const STOP_GRACE_MS = 500;
/** What must be left of the lease then. */
const LEASE_LEFT_MS = 250;
/** A program that has closed its output has so long to end. */
const END_GRACE_MS = 2_000;
/** What a shell says when it cannot run a file. [POSIX XCU 2.8.2] */
const CANNOT_RUN: ReadonlySet<number> = new Set([126, 127]);

/** What an `exec:` pull needs to know: a part of the pull options of every source. */
export interface ExecPullOptions {
  /** ms from the start of the program to its first byte. */
  readonly connectTimeout: number;
  /** ms without audio or video, while we want it. */
  readonly idleTimeout: number;
  readonly allowExec: boolean;
  readonly limits: { readonly messageAfterPublish: number; readonly messagesPerSecond: number };
  readonly budgets: ReceiveBudgets;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Pull an `exec:` source: run a program of this machine that writes FLV to its standard output, without a shell.
 * It takes no more than real time allows, so that a file may be read as fast as the program can.
 *
 * Exit code 0 is an end in order. The program and all that it started are gone when this settles; they are killed also
 * when this process dies, or hangs until the lease is over.
 *
 * @see IngestPuller.pull for what it resolves and rejects with; `LEASE_LOST` when `validFor` is over
 */
export async function pullExec(
  target: PullTarget,
  sink: PullSink,
  signal: AbortSignal,
  options: ExecPullOptions,
): Promise<void> {
  signal.throwIfAborted();
  const words = wordsOf(target.url, options.allowExec);
  const env = execEnvironment(target.label);
  const command = await resolveProgram(words, env.PATH);
  signal.throwIfAborted();
  if (target.validFor() <= 0) throw new HoldfastError("LEASE_LOST");

  const reading = new ExecReading(sink, options);
  const child = new ExecChild(command, {
    env,
    validFor: () => target.validFor(),
    mask: maskerOf(words),
    clock: options.clock,
    log: options.log,
    failed: (reason) => reading.fail(reason),
  });
  const onAbort = (): void => reading.fail(signal.reason);
  signal.addEventListener("abort", onAbort);
  let reason: unknown;
  try {
    if (child.stdout) await reading.run(child.stdout);
    const exit = await endOf(child, reading, options.clock);
    throwUnlessOrderly(exit, reading, target);
  } catch (error) {
    reason = error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    await child.stop(graceOf(reason, target));
  }
  if (reason !== undefined) throw withWords(reason, child.said);
}

function wordsOf(url: string, allowed: boolean): readonly [string, ...string[]] {
  if (!allowed) throw unsupported("exec: sources are not allowed at this origin (ingest.allowExec)");
  try {
    const source = parseSourceUrl(url);
    if (source.scheme === "exec") return commandWords(source.command);
  } catch (error) {
    throw unsupported((error as Error).message);
  }
  throw unsupported("this is no exec: source");
}

async function resolveProgram(
  [name, ...rest]: readonly [string, ...string[]],
  searchPath: string,
): Promise<string[]> {
  const program = await findProgram(name, searchPath);
  if (program) return [program, ...rest];
  const shown = /^[\w.+/-]{1,100}$/.test(name) ? name : "of the command line";
  throw unsupported(`the program ${shown} is not installed at this origin, or may not be run`);
}

/** Its output has ended; so should it. */
async function endOf(child: ExecChild, { failure }: ExecReading, clock: Clock): Promise<ExecExit> {
  failure.throwIfAborted();
  return new Promise((resolve, reject) => {
    const late = new HoldfastError("SOURCE_FAILED", {
      detail: "the program closed its output, but did not end",
    });
    const undo = clock.after(END_GRACE_MS, () => reject(late));
    failure.addEventListener("abort", () => reject(failure.reason as Error), { once: true });
    void child.closed.then(resolve).finally(undo);
  });
}

function throwUnlessOrderly({ code, signal }: ExecExit, reading: ExecReading, target: PullTarget): void {
  if (code === null && target.validFor() <= 0) throw new HoldfastError("LEASE_LOST");
  if (code === null) throw failed(`the program was ended by ${signal ?? "a signal"}`);
  if (CANNOT_RUN.has(code) && !reading.opened) throw unsupported("the program could not be run");
  if (code !== 0) throw failed(`the program ended with exit code ${code}`);
  if (!reading.opened) throw failed("the program ended without sending anything");
  if (!reading.complete) throw failed("the program ended in the middle of an FLV tag");
}

/** Who lost the lease may not wait: another may pull already. */
function graceOf(reason: unknown, target: PullTarget): number {
  if (reason instanceof HoldfastError && reason.code === "LEASE_LOST") return 0;
  return Math.max(0, Math.min(STOP_GRACE_MS, target.validFor() - LEASE_LEFT_MS));
}

/** What the program said last belongs to an error of the source, and to no other. */
function withWords(reason: unknown, said: string): unknown {
  if (!(reason instanceof HoldfastError) || !reason.code.startsWith("SOURCE_") || said === "") return reason;
  const context = { ...reason.context, detail: `${reason.message}: ${said}` };
  return new HoldfastError(reason.code, context, { cause: reason });
}

function unsupported(detail: string): HoldfastError {
  return new HoldfastError("SOURCE_UNSUPPORTED", { detail });
}

function failed(detail: string): HoldfastError {
  return new HoldfastError("SOURCE_FAILED", { detail });
}
