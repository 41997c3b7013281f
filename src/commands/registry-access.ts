import type { Command } from "commander";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { HoldfastError } from "../domain/errors.ts";
import type { Registry } from "../domain/ports/registry.ts";
import type { IngestSources } from "../fleet/ingest-view.ts";
import { systemClock } from "../ops/clock.ts";
import { createLogger } from "../ops/logger.ts";
import { createRedisRegistry } from "../registry/redis-registry.ts";
import { createStores } from "../registry/stores.ts";
import { findFleets } from "./fleet/state-file.ts";
import { say } from "./output.ts";

export interface RegistryOptions {
  readonly redisUrl?: string;
  readonly redisPrefix?: string;
  readonly config?: string;
}

/** Where the registry is: for the commands that read it themselves and so work with every origin down. */
export function addRegistryOptions(command: Command): Command {
  return command
    .option("--redis-url <url>", "where the registry is (or HOLDFAST_REDIS__URL, or redis.url of --config)")
    .option("--redis-prefix <prefix>", "prefix of its keys (or HOLDFAST_REDIS__PREFIX)")
    .option("--config <file>", "settings file of an origin (or HOLDFAST_CONFIG)");
}

/**
 * Connect to the registry, read something, disconnect. A Redis that no origin would use (a replica) is read all the
 * same, with a warning; it is not written to.
 *
 * @throws HoldfastError `REGISTRY_UNAVAILABLE`, `REGISTRY_REFUSED`; `REQUEST_INVALID` when nothing says where it is
 */
export async function withRegistry<T>(
  options: RegistryOptions,
  use: (registry: Registry) => Promise<T>,
  access: Access = {},
): Promise<T> {
  return connected((await findRegistry(options)).redis, use, access);
}

/**
 * The same, with the leases of ingests: those on lock nodes are seen when the settings name the nodes, as `--config`
 * or `HOLDFAST_REDIS__LOCK_NODES` do. Leases that cannot be reached are an error only when they are asked for.
 */
export async function withIngests<T>(
  options: RegistryOptions,
  use: (sources: IngestSources) => Promise<T>,
  access: Access = {},
): Promise<T> {
  const config = await findRegistry(options);
  const { leases } = createStores(config, systemClock, createLogger({ level: "silent" }, {}));
  try {
    const ready = leases.connect();
    // Whoever asks is told then.
    ready.catch(() => undefined);
    const inspect: IngestSources["leases"]["inspect"] = async (name) => {
      await ready;
      return leases.inspect(name);
    };
    const sources = { leases: { inspect }, clock: systemClock };
    return await connected(config.redis, (registry) => use({ registry, ...sources }), access);
  } finally {
    await leases.close();
  }
}

interface Access {
  readonly writing?: boolean;
}

async function connected<T>(
  { url, prefix, commandTimeout, connectTimeout }: RedisSettings,
  use: (registry: Registry) => Promise<T>,
  { writing = false }: Access,
): Promise<T> {
  const registry = createRedisRegistry({
    url,
    prefix,
    commandTimeoutMs: commandTimeout,
    connectTimeoutMs: connectTimeout,
    log: createLogger({ level: "silent" }, {}),
    reading: !writing,
  });
  try {
    for (const warning of await registry.connect()) say(`warning: ${warning}`);
    return await use(registry);
  } finally {
    await registry.close();
  }
}

type RedisSettings = Config["redis"] & { readonly url: string };

async function findRegistry(options: RegistryOptions): Promise<Config & { readonly redis: RedisSettings }> {
  const { config, warnings } = loadConfig({
    file: options.config,
    env: readersEnvironment(process.env),
    flags: { "redis.url": options.redisUrl, "redis.prefix": options.redisPrefix },
  });
  for (const warning of warnings) say(`warning: ${warning}`);
  const { redis } = config;
  const at = (found: Partial<RedisSettings> & { readonly url: string }) => ({
    ...config,
    redis: { ...redis, ...found },
  });
  if (redis.url !== undefined) return at({ url: redis.url });
  const [fleet, ...others] = await findFleets();
  if (fleet && others.length === 0) {
    say(`using the registry of the fleet on this machine: ${fleet.redisUrl}`);
    return at({ url: fleet.redisUrl, prefix: options.redisPrefix ?? fleet.redisPrefix });
  }
  const detail =
    "no registry is given: use --redis-url redis://HOST:6379, HOLDFAST_REDIS__URL or --config FILE " +
    "(a `holdfast fleet` on this machine is found by itself, if it is the only one)";
  throw new HoldfastError("REQUEST_INVALID", { detail });
}

/** Origins of a fleet need its key; who only reads the registry does not. */
function readersEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const given = env["HOLDFAST_CLUSTER__KEY"] || env["HOLDFAST_CLUSTER__KEY_FILE"];
  return given ? env : { ...env, HOLDFAST_CLUSTER__KEY: "not needed for reading" };
}
