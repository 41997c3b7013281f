import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { connect } from "node:net";
import { cpus, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
/** The repository. */
export const root = join(here, "..", "..", "..");
/** Compiled tools and results. */
export const cache = join(root, ".cache", "bench");

/** The server under measurement has this core for itself, what loads it the other one. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

const SOURCES = { loadgen: "loadgen.cpp", hold: "hold.cpp", fanout: "fanout.c" } as const;

/** Compile a measuring tool of scripts/bench/tools when a source is newer, and return the program's path. */
export function compile(name: keyof typeof SOURCES): string {
  const folder = join(here, "..", "tools");
  const source = SOURCES[name];
  const headers = readdirSync(folder).filter((file) => file.endsWith(".hpp"));
  const newest = Math.max(...[source, ...headers].map((file) => statSync(join(folder, file)).mtimeMs));
  const program = join(cache, name);
  if (existsSync(program) && statSync(program).mtimeMs > newest) return program;
  mkdirSync(cache, { recursive: true });
  const compiler = source.endsWith(".cpp") ? ["g++", "-O2", "-std=c++17"] : ["gcc", "-O2", "-w"];
  const args = [...compiler.slice(1), join(folder, source), "-o", program];
  execFileSync(compiler[0] as string, args, { stdio: "inherit" });
  return program;
}

/** A process of a measurement. */
export interface Running {
  readonly pid: number;
  readonly process: ChildProcess;
  /** What it said on stderr, the last 4 KB. */
  readonly complaints: string;
  /** Resolves when it has ended and all its output has arrived. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export interface RunOptions {
  /** CPU core to pin to; not pinned where the machine has only one core. */
  readonly core?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const MOST_COMPLAINTS = 4_096;
const running = new Set<ChildProcess>();
const folders = new Set<string>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const [signal, code] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  process.once(signal, () => process.exit(code));

/** A folder that does not outlive this process. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  folders.add(folder);
  return folder;
}

/** Start a program, pinned to a core. It does not outlive this process. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Running {
  const pin = options.core !== undefined && cpus().length > 1 ? ["taskset", "-c", String(options.core)] : [];
  const [command, ...rest] = [...pin, program, ...args] as [string, ...string[]];
  const child = spawn(command, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  running.add(child);
  let complaints = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaints = (complaints + text).slice(-MOST_COMPLAINTS);
    if (process.env["BENCH_VERBOSE"]) process.stderr.write(text);
  });
  if (process.env["BENCH_VERBOSE"]) child.stdout?.pipe(process.stderr);
  else child.stdout?.resume();
  child.once("exit", () => running.delete(child));
  const ended = once(child, "close").then(() => undefined);
  ended.catch(() => undefined);
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    const force = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await ended;
    clearTimeout(force);
  };
  return {
    pid: child.pid as number,
    process: child,
    get complaints() {
      return complaints;
    },
    ended,
    stop,
  };
}

/**
 * Wait until a program says something on stderr.
 *
 * @throws Error when it ends before, or is silent for `withinMs`
 */
export async function says(program: Running, phrase: string, withinMs = 60_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!program.complaints.includes(phrase)) {
    const { exitCode, signalCode } = program.process;
    if (exitCode !== null || signalCode !== null)
      throw new Error(`a tool ended before it said "${phrase}": ${program.complaints}`);
    if (performance.now() > deadline)
      throw new Error(`a tool did not say "${phrase}" in ${withinMs / 1_000} s`);
    await sleep(10);
  }
}

/** Collect what a program prints to stdout until it ends; it is killed after `withinMs`. */
export async function printed(program: Running, withinMs = 300_000): Promise<string> {
  const parts: Buffer[] = [];
  program.process.stdout?.on("data", (data: Buffer) => parts.push(data));
  const force = setTimeout(() => program.process.kill("SIGKILL"), withinMs);
  await program.ended;
  clearTimeout(force);
  const text = Buffer.concat(parts).toString();
  if (text === "") throw new Error(`a tool ended without a result: ${program.complaints}`);
  return text;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Wait until something accepts connections on a loopback port. */
export async function listening(port: number, host = "127.0.0.1", withinMs = 15_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, host, () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
    });
    if (open) return;
    await sleep(50);
  }
  throw new Error(`nothing listens on ${host}:${port} after ${withinMs} ms`);
}
