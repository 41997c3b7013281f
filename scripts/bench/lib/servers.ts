import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { compile, listening, root, run, temporaryFolder, type Running } from "./tools.ts";

const peers = join(dirname(fileURLToPath(import.meta.url)), "..", "peers");

/** A server under measurement. */
export interface Server {
  readonly name: string;
  readonly pid: number;
  readonly rtmpPort: number;
  readonly httpPort: number;
  readonly apiPort: number;
  /** Whether it still runs. */
  readonly alive: boolean;
  stop(): Promise<void>;
}

/** `count` loopback ports that were free a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export interface OriginOptions {
  readonly name: string;
  readonly core?: number;
  readonly redisUrl?: string;
  /** Another build than `dist`, to compare with. */
  readonly program?: string;
  /** More settings, as HOLDFAST_ variables. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called with its log as it comes. */
  readonly onLog?: (stderr: Readable) => void;
}

/** One origin, alone or on a Redis: from `dist`, or the build whose cli.js BENCH_ORIGIN names. */
export async function startOrigin(options: OriginOptions): Promise<Server> {
  const [rtmpPort, httpPort, apiPort] = (await freePorts(3)) as [number, number, number];
  const env: Record<string, string> = {
    HOLDFAST_NAME: options.name,
    HOLDFAST_BIND: "127.0.0.1",
    HOLDFAST_RTMP__PORT: String(rtmpPort),
    HOLDFAST_HTTP__PORT: String(httpPort),
    HOLDFAST_API__PORT: String(apiPort),
    HOLDFAST_LOG__LEVEL: "warn",
    HOLDFAST_ADVERTISE__RTMP: `127.0.0.1:${rtmpPort}`,
    HOLDFAST_ADVERTISE__HTTP: `127.0.0.1:${httpPort}`,
    HOLDFAST_ADVERTISE__RELAY: `127.0.0.1:${rtmpPort}`,
    HOLDFAST_ADVERTISE__PEER: `127.0.0.1:${httpPort}`,
    ...(options.redisUrl === undefined
      ? {}
      : { HOLDFAST_REDIS__URL: options.redisUrl, HOLDFAST_CLUSTER__KEY: "a key for measurements only" }),
    ...options.env,
  };
  const where = options.core === undefined ? {} : { core: options.core };
  const program = options.program ?? process.env["BENCH_ORIGIN"] ?? join(root, "dist", "cli.js");
  const running = run(process.execPath, [...nodeFlags(program), program, "serve"], { env, ...where });
  if (running.process.stderr) options.onLog?.(running.process.stderr);
  return serverOf(options.name, running, { rtmpPort, httpPort, apiPort });
}

/** How to start each server that is compared: holdfast, another build of it if wanted, and the peers. */
export function contenders(
  core: number,
  baseline?: string,
  env?: Readonly<Record<string, string>>,
): (() => Promise<Server>)[] {
  const more = env === undefined ? {} : { env };
  return [
    () => startOrigin({ name: "holdfast", core, ...more }),
    ...(baseline === undefined
      ? []
      : [() => startOrigin({ name: "holdfast-baseline", core, program: baseline, ...more })]),
    () => startNginx(core),
    () => startNms(core),
  ];
}

/** The C floor: one shared batch every `windowMs`, one send per player. */
export async function startFloor(windowMs: number, core: number): Promise<Server> {
  const [rtmpPort] = (await freePorts(1)) as [number];
  const running = run(compile("fanout"), [String(rtmpPort), String(windowMs)], { core });
  return serverOf(`C floor, ${windowMs} ms`, running, { rtmpPort, httpPort: 0, apiPort: 0 });
}

/** What the first line of a program wants Node to be started with. */
export function nodeFlags(program: string): string[] {
  const [first = ""] = readFileSync(program, "utf8").split("\n", 1);
  return first.split(" ").filter((word) => word.startsWith("--"));
}

/** node-media-server, as a peer to compare with. */
export async function startNms(core: number): Promise<Server> {
  const [rtmpPort, httpPort] = (await freePorts(2)) as [number, number];
  const folder = temporaryFolder();
  const script = join(peers, "nms.mjs");
  const running = run(process.execPath, [script, String(rtmpPort), String(httpPort)], { core, cwd: folder });
  return serverOf("node-media-server 4.4.3", running, { rtmpPort, httpPort, apiPort: 0 });
}

const NGINX_MODULE = "/usr/lib/nginx/modules/ngx_rtmp_module.so";

/** nginx with its RTMP module as Debian ships it, one process, as a peer to compare with. */
export async function startNginx(core: number): Promise<Server> {
  if (!existsSync(NGINX_MODULE)) throw new Error("nginx-rtmp is missing: run scripts/setup bench");
  const [rtmpPort] = (await freePorts(1)) as [number];
  const folder = temporaryFolder();
  const file = join(folder, "nginx.conf");
  writeFileSync(file, nginxConfiguration(folder, rtmpPort));
  const args = ["-p", folder, "-c", file, "-e", join(folder, "error.log")];
  const running = run("nginx", args, { core, env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin` } });
  const ports = { rtmpPort, httpPort: 0, apiPort: 0 };
  return serverOf(`nginx-rtmp ${nginxRtmpVersion()}`.trim(), running, ports);
}

// One process in the foreground: one pid to measure and to end.
function nginxConfiguration(folder: string, port: number): string {
  return `
load_module ${NGINX_MODULE};
daemon off;
master_process off;
pid ${join(folder, "pid")};
error_log ${join(folder, "error.log")} error;
worker_rlimit_nofile 20000;
events { worker_connections 20000; }
rtmp {
  access_log off;
  server {
    listen 127.0.0.1:${port};
    chunk_size 4096;
    application live { live on; }
  }
}
`;
}

function nginxRtmpVersion(): string {
  try {
    const version = execFileSync("dpkg-query", ["-W", "-f", "${Version}", "libnginx-mod-rtmp"], {
      encoding: "utf8",
    });
    return /^(?:\d+:)?([\d.]+)/.exec(version)?.[1] ?? "";
  } catch {
    return "";
  }
}

/** A private redis-server. */
export async function startRedis(
  core?: number,
): Promise<{ url: string; pid: number; stop(): Promise<void> }> {
  const [port] = (await freePorts(1)) as [number];
  const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
  const running = run(
    process.env["REDIS_SERVER_BIN"] ?? "redis-server",
    args,
    core === undefined ? {} : { core },
  );
  await listening(port);
  return { url: `redis://127.0.0.1:${port}`, pid: running.pid, stop: running.stop };
}

async function serverOf(
  name: string,
  running: Running,
  ports: { rtmpPort: number; httpPort: number; apiPort: number },
): Promise<Server> {
  try {
    const early = running.ended.then(() => Promise.reject(new Error(`${name} ended: ${running.complaints}`)));
    await Promise.race([listening(ports.rtmpPort), early]);
  } catch (error) {
    await running.stop();
    throw error;
  }
  const { process: child } = running;
  return {
    name,
    pid: running.pid,
    ...ports,
    get alive() {
      return child.exitCode === null && child.signalCode === null;
    },
    stop: running.stop,
  };
}
