import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError } from "../../domain/errors.ts";
import { freePort } from "./ports.ts";
import { Tethered } from "./tether.ts";

/** The Redis of one `holdfast fleet`. */
export interface PrivateRedis {
  readonly url: string;
  /** Resolves when it has ended, wanted or not. */
  readonly ended: Promise<number>;
  stop(): Promise<void>;
}

const HOST = "127.0.0.1";
const PROGRAMS = ["redis-server", "valkey-server"];
const ATTEMPTS = 5;
const READY_WITHIN_MS = 10_000;

/**
 * Start a Redis on a free port that saves nothing, for as long as this process lives.
 *
 * @param directory of the fleet; removed when Redis is stopped, and when this process dies
 * @throws HoldfastError `INTERNAL` with what to install, or with what Redis said
 */
export async function startPrivateRedis(directory: string): Promise<PrivateRedis> {
  const program = findProgram();
  const home = join(directory, "redis");
  mkdirSync(home);
  const log = join(directory, "redis.log");
  for (let attempt = 1; ; attempt++) {
    const port = await freePort(HOST);
    const output = openSync(log, "a");
    const settings = { bind: HOST, port: String(port), dir: home, save: "", appendonly: "no" };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
    const redis = new Tethered(program, args, { output, remove: directory });
    closeSync(output);
    if (await isReady(port, redis.ended))
      return { url: `redis://${HOST}:${port}`, ended: redis.ended, stop: () => redis.stop() };
    const said = readFileSync(log, "utf8").trim().split("\n").slice(-5).join("\n");
    await redis.stop();
    // Somebody may have taken the port since it was looked for.
    if (attempt === ATTEMPTS || !said.includes("Address already in use"))
      throw new HoldfastError("INTERNAL", { detail: `${program} did not start:\n${said}` });
  }
}

function findProgram(): string {
  const program = PROGRAMS.find((one) => spawnSync(one, ["--version"], { stdio: "ignore" }).status === 0);
  if (program !== undefined) return program;
  const detail =
    "redis-server is not installed. Install it (Debian, Ubuntu: sudo apt-get install -y redis-server; " +
    "macOS: brew install redis), or use a Redis that runs: holdfast fleet --redis-url redis://HOST:6379";
  throw new HoldfastError("INTERNAL", { detail });
}

async function isReady(port: number, ended: Promise<number>): Promise<boolean> {
  const over = new AbortController();
  const deadline = AbortSignal.any([over.signal, AbortSignal.timeout(READY_WITHIN_MS)]);
  void ended.then(() => over.abort());
  while (!deadline.aborted) {
    if (await answersPing(port)) return true;
    await delay(20, undefined, { signal: deadline }).catch(() => undefined);
  }
  return false;
}

function answersPing(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: HOST, port, timeout: 1_000 });
    const end = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => socket.write("PING\r\n"));
    socket.once("data", (data) => end(data.toString().startsWith("+PONG")));
    socket.once("error", () => end(false));
    socket.once("timeout", () => end(false));
    socket.once("close", () => end(false));
  });
}
