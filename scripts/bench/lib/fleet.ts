import { startOrigin, startRedis, type Server } from "./servers.ts";
import { compile, run, type Running } from "./tools.ts";

/** Origins on one Redis, as processes of their own. */
export interface BenchFleet {
  readonly origins: readonly Server[];
  stop(): Promise<void>;
}

export async function startFleet(count: number): Promise<BenchFleet> {
  const redis = await startRedis();
  const origins: Server[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(origins.map((origin) => origin.stop()));
    await redis.stop();
  };
  try {
    // Five at a time: starting is what takes CPU.
    while (origins.length < count) {
      const numbers = Array.from(
        { length: Math.min(5, count - origins.length) },
        (_, i) => origins.length + i + 1,
      );
      const started = numbers.map((number) => startOrigin({ name: `o${number}`, redisUrl: redis.url }));
      origins.push(...(await Promise.all(started)));
    }
    await Promise.all(origins.map(ready));
  } catch (error) {
    await stop();
    throw error;
  }
  return { origins, stop };
}

/** Publish `count` small streams `live/<name>0`, `live/<name>1` … to one origin. */
export async function publishMany(origin: Server, name: string, count: number): Promise<Running> {
  const target = ["pub", "127.0.0.1", String(origin.rtmpPort), "live", name];
  const publisher = run(compile("loadgen"), [...target, "40", "5", "10", "0", String(count)]);
  const last = `live/${name}${count - 1}`;
  const url = `http://127.0.0.1:${origin.apiPort}/api/fleet/v1/lookup?stream=${encodeURIComponent(last)}`;
  await until(async () => (await fetch(url)).ok, `${last} to be published`);
  // One more GOP, so that every stream has something to start with.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  return publisher;
}

async function ready(origin: Server): Promise<void> {
  const url = `http://127.0.0.1:${origin.httpPort}/readyz`;
  await until(async () => (await fetch(url)).ok, `${origin.name} to be ready`);
}

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (performance.now() < deadline) {
    if (await condition().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited 30 s for ${what}`);
}
