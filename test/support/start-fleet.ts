import { randomBytes } from "node:crypto";
import { configSchema } from "../../src/config/schema.ts";
import type { ConfigInput } from "../../src/config/schema.ts";
import { createOrigin } from "../../src/origin.ts";
import type { Origin } from "../../src/origin.ts";
import type { ServerAddress } from "./players.ts";
import { startRedis } from "./start-redis.ts";
import type { TestRedis } from "./start-redis.ts";
import { waitFor } from "./wait.ts";

export interface FleetOptions {
  readonly origins?: number;
  /** Settings of every origin, over those of a test. */
  readonly config?: ConfigInput;
}

export interface TestOrigin {
  readonly name: string;
  readonly origin: Origin;
  /** Where it listens. */
  readonly at: ServerAddress & { readonly http: string; readonly api: string };
}

/** Who owns a stream, as the API of an origin tells it. */
export interface Owner {
  readonly origin: string;
  readonly token: number;
}

/** Origins in this process, and a Redis of their own. */
export interface TestFleet {
  readonly origins: readonly TestOrigin[];
  readonly redis: TestRedis;
  readonly clusterKey: string;
  /** The stream's present owner; `undefined` when nobody has it. */
  ownerOf(stream: string): Promise<Owner | undefined>;
  /** Wait until `origin` owns the stream. */
  owned(stream: string, origin: TestOrigin): Promise<Owner>;
  stop(): Promise<void>;
}

/** Start origins o1, o2 … on free ports of 127.0.0.1. A section of `config` replaces single settings of it. */
export async function startFleet(options: FleetOptions = {}): Promise<TestFleet> {
  const redis = await startRedis();
  const key = randomBytes(24).toString("hex");
  const origins: TestOrigin[] = [];
  const stop = async () => {
    await Promise.allSettled(origins.map(({ origin }) => origin.stop()));
    await redis.stop();
  };
  try {
    for (let number = 1; number <= (options.origins ?? 2); number++)
      origins.push(await startOrigin(`o${number}`, redis.url, key, options.config ?? {}));
  } catch (error) {
    await stop();
    throw error;
  }
  const ownerOf = async (stream: string) => lookUp(origins[0] as TestOrigin, stream);
  const owned = (stream: string, { name }: TestOrigin) =>
    waitFor(
      async () => {
        const owner = await ownerOf(stream);
        return owner?.origin === name ? owner : undefined;
      },
      { what: `${stream} being owned by ${name}`, within: 30_000 },
    );
  return { origins, redis, clusterKey: key, ownerOf, owned, stop };
}

async function startOrigin(
  name: string,
  redisUrl: string,
  key: string,
  config: ConfigInput,
): Promise<TestOrigin> {
  const settings = configSchema.parse({
    ...config,
    name,
    bind: "127.0.0.1",
    rtmp: { port: 0, ...config.rtmp },
    http: { port: 0, ...config.http },
    api: { port: 0, ...config.api },
    cluster: { key, ...config.cluster },
    redis: { url: redisUrl, ...config.redis },
    log: { level: "silent", ...config.log },
  });
  const origin = createOrigin(settings);
  await origin.start();
  return { name, origin, at: origin.addresses };
}

async function lookUp(at: TestOrigin, stream: string): Promise<Owner | undefined> {
  const query = new URLSearchParams({ stream });
  const answer = await fetch(`http://${at.at.api}/api/fleet/v1/lookup?${query}`);
  if (answer.status === 404) return undefined;
  if (!answer.ok) throw new Error(`lookup: ${answer.status} ${await answer.text()}`);
  const { origin, token } = (await answer.json()) as Owner;
  return { origin, token };
}
