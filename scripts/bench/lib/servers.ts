import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile, listening, root, run, type Running } from "./tools.ts";

const peers = join(dirname(fileURLToPath(import.meta.url)), "..", "peers");

/** A server under measurement. */
export interface Server {
  readonly name: string;
  readonly pid: number;
  readonly rtmpPort: number;
  readonly httpPort: number;
  readonly apiPort: number;
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
  /** More settings, as HOLDFAST_ variables. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One origin from `dist`, alone or on a Redis. */
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
  const running = run(process.execPath, [join(root, "dist", "cli.js"), "serve"], { env, ...where });
  return serverOf(options.name, running, { rtmpPort, httpPort, apiPort });
}

/** The C floor: one shared batch every `windowMs`, one send per player. */
export async function startFloor(windowMs: number, core: number): Promise<Server> {
  const [rtmpPort] = (await freePorts(1)) as [number];
  const running = run(compile("fanout"), [String(rtmpPort), String(windowMs)], { core });
  return serverOf(`C floor, ${windowMs} ms`, running, { rtmpPort, httpPort: 0, apiPort: 0 });
}

/** node-media-server, as a peer to compare with. */
export async function startNms(core: number): Promise<Server> {
  const [rtmpPort, httpPort] = (await freePorts(2)) as [number, number];
  const folder = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const script = join(peers, "nms.mjs");
  const running = run(process.execPath, [script, String(rtmpPort), String(httpPort)], { core, cwd: folder });
  const server = await serverOf("node-media-server 4.4.3", running, { rtmpPort, httpPort, apiPort: 0 });
  return {
    ...server,
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
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
    await listening(ports.rtmpPort);
  } catch (error) {
    await running.stop();
    throw error;
  }
  return { name, pid: running.pid, ...ports, stop: running.stop };
}
