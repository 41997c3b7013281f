import { once } from "node:events";
import { join } from "node:path";
import { startOrigin, startRedis, type Server } from "./servers.ts";
import { root, run, type Running } from "./tools.ts";

/** Origins on one Redis, as processes of their own. */
export interface BenchFleet {
  readonly origins: readonly Server[];
  readonly redisUrl: string;
  stop(): Promise<void>;
}

/** All clients come from one address, in rounds, one right behind the other. */
const OPEN_DOOR = { HOLDFAST_LIMITS__CONNECTS_PER_SECOND: "100000" };

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
      const started = numbers.map((number) =>
        startOrigin({ name: `o${number}`, redisUrl: redis.url, env: OPEN_DOOR }),
      );
      origins.push(...(await Promise.all(started)));
    }
    await Promise.all(origins.map(ready));
  } catch (error) {
    await stop();
    throw error;
  }
  return { origins, redisUrl: redis.url, stop };
}

/** Publish `count` quiet streams `live/<name>0`, `live/<name>1` … to one origin. */
export async function publishMany(origin: Server, name: string, count: number): Promise<Running> {
  const script = join(root, "scripts", "bench", "peers", "quiet-publisher.ts");
  const target = [String(origin.rtmpPort), "live", name, String(count)];
  const publisher = run(process.execPath, ["--import", "tsx", script, ...target], { cwd: root });
  const said = once(publisher.process.stdout as NodeJS.ReadableStream, "data");
  const ended = once(publisher.process, "exit").then(() =>
    Promise.reject(new Error("the publisher ended early")),
  );
  await Promise.race([said, ended]);
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
