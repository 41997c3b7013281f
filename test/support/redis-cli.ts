import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Run one command with redis-cli against a server on this machine, and return what it printed. */
export async function redisCli(
  port: number,
  password: string | undefined,
  ...command: readonly string[]
): Promise<string> {
  const auth = password === undefined ? [] : ["--no-auth-warning", "-a", password];
  return (await run("redis-cli", ["-p", `${port}`, ...auth, ...command])).stdout;
}

/** Run redis-cli with these arguments and nothing else. */
export async function redisCliRaw(...args: readonly string[]): Promise<string> {
  return (await run("redis-cli", args)).stdout;
}
