import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, statSync } from "node:fs";
import { connect } from "node:net";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
/** The repository. */
export const root = join(here, "..", "..", "..");
const cache = join(root, ".cache", "bench");

/** Compile a measuring tool of scripts/bench/tools when its source is newer, and return the program's path. */
export function compile(name: "loadgen" | "fanout"): string {
  const source = join(here, "..", "tools", name === "loadgen" ? "loadgen.cpp" : "fanout.c");
  const program = join(cache, name);
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program;
  mkdirSync(cache, { recursive: true });
  const compiler = name === "loadgen" ? ["g++", "-O2", "-std=c++17"] : ["gcc", "-O2", "-w"];
  execFileSync(compiler[0] as string, [...compiler.slice(1), source, "-o", program], { stdio: "inherit" });
  return program;
}

/** A process of a measurement. */
export interface Running {
  readonly pid: number;
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

export interface RunOptions {
  /** CPU core to pin to; not pinned where the machine has only one core. */
  readonly core?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** Start a program, pinned to a core. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Running {
  const pin = options.core !== undefined && cpus().length > 1 ? ["taskset", "-c", String(options.core)] : [];
  const [command, ...rest] = [...pin, program, ...args] as [string, ...string[]];
  const child = spawn(command, rest, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  child.stderr?.on("data", (data: Buffer) => {
    if (process.env["BENCH_VERBOSE"]) process.stderr.write(data);
  });
  if (process.env["BENCH_VERBOSE"]) child.stdout?.pipe(process.stderr);
  else child.stdout?.resume();
  const stop = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    const force = setTimeout(() => child.kill("SIGKILL"), 5_000);
    await gone;
    clearTimeout(force);
  };
  return { pid: child.pid as number, process: child, stop };
}

/** Run a program to its end and return what it printed. */
export async function output(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const running = run(program, args, options);
  const parts: Buffer[] = [];
  running.process.stdout?.on("data", (data: Buffer) => parts.push(data));
  await once(running.process, "close");
  return Buffer.concat(parts).toString();
}

/** Wait until something accepts connections on a loopback port. */
export async function listening(port: number, withinMs = 15_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on 127.0.0.1:${port} after ${withinMs} ms`);
}
