import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { waitFor } from "./wait.ts";

export interface RedisOptions {
  /** A fixed port, to come back after `kill()` where the last one was. */
  readonly port?: number;
  /** More arguments, such as `["--requirepass", "secret"]`. */
  readonly args?: readonly string[];
  /** Text in the log that says it is ready. */
  readonly ready?: string;
  /** Also keep this many ports above free: the cluster bus. */
  readonly portOffset?: number;
}

/** A redis-server of a test. Dies with the test process, too. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly dir: string;
  /** End it, and remove its directory. May be called again. */
  stop(): Promise<void>;
  /** SIGKILL, and wait until it is gone. Everything in it is lost. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
}

/** `$REDIS_SERVER_BIN`, or redis-server or valkey-server on the PATH. */
export function findRedisServer(): string {
  const named = process.env["REDIS_SERVER_BIN"];
  for (const program of named ? [named] : ["redis-server", "valkey-server"]) {
    if (spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0) return program;
  }
  throw new Error(
    "no redis-server found: sudo apt-get install -y redis-server | brew install redis | set REDIS_SERVER_BIN",
  );
}

/** Start an empty redis-server that saves nothing, and wait until it accepts connections. */
export async function startRedis(options: RedisOptions = {}): Promise<TestRedis> {
  const program = findRedisServer();
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort(options.portOffset));
    const args = ["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    try {
      return await startServer(program, port, [...args, ...(options.args ?? [])], options.ready);
    } catch (error) {
      // Another test may have taken the port since it was looked at.
      if (attempt === 5 || options.port !== undefined || !String(error).includes("Address already in use"))
        throw error;
    }
  }
}

/** Start one server process in a directory of its own. The arguments must make it listen on `port`. */
export async function startServer(
  program: string,
  port: number,
  args: readonly string[],
  ready = "Ready to accept connections",
): Promise<TestRedis> {
  const dir = await mkdtemp(join(tmpdir(), "holdfast-redis-"));
  const logFile = join(dir, "log");
  const log = openSync(logFile, "a");
  const [command = program, ...rest] = dyingWithUs([program, ...args]);
  const child = spawn(command, rest, { cwd: dir, stdio: ["ignore", log, log] });
  closeSync(log);
  child.once("error", () => undefined); // told by the missing pid
  child.unref();
  const dieWithUs = () => {
    child.kill("SIGKILL");
    rmSync(dir, { recursive: true, force: true });
  };
  process.once("exit", dieWithUs);

  const kill = async () => {
    child.kill("SIGKILL");
    await ended(child);
  };
  const stop = async () => {
    await kill();
    process.off("exit", dieWithUs);
    rmSync(dir, { recursive: true, force: true });
  };

  const said = () => readFileSync(logFile, "utf8");
  try {
    await waitFor(() => hasEnded(child) || said().includes(ready), { what: `${program} on port ${port}` });
    if (hasEnded(child)) throw new Error(`${program} ended at once: ${said()}`);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: child.pid as number,
    dir,
    stop,
    kill,
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
  };
}

/** A test process that is killed runs no exit handlers; Linux can end the server with it all the same. */
function dyingWithUs(command: readonly string[]): readonly string[] {
  const wrapper = ["setpriv", "--pdeathsig", "KILL"];
  const works = process.platform === "linux" && spawnSync("setpriv", ["--version"]).status === 0;
  return works ? [...wrapper, ...command] : command;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

function ended(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return Promise.resolve();
  child.ref();
  return new Promise((resolve) => child.once("exit", () => resolve()));
}
