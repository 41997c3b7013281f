import type { Command } from "commander";
import { loadConfig } from "../config/load.ts";
import type { Config } from "../config/schema.ts";
import { HoldfastError } from "../domain/errors.ts";
import type { Registry } from "../domain/ports/registry.ts";
import { createLogger } from "../ops/logger.ts";
import { createRedisRegistry } from "../registry/redis-registry.ts";
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
  { writing = false } = {},
): Promise<T> {
  const { url, prefix, commandTimeout, connectTimeout } = await findRegistry(options);
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

async function findRegistry(options: RegistryOptions): Promise<RedisSettings> {
  const { config, warnings } = loadConfig({
    file: options.config,
    env: readersEnvironment(process.env),
    flags: { "redis.url": options.redisUrl, "redis.prefix": options.redisPrefix },
  });
  for (const warning of warnings) say(`warning: ${warning}`);
  const { redis } = config;
  if (redis.url !== undefined) return { ...redis, url: redis.url };
  const [fleet, ...others] = await findFleets();
  if (fleet && others.length === 0) {
    say(`using the registry of the fleet on this machine: ${fleet.redisUrl}`);
    return { ...redis, url: fleet.redisUrl, prefix: options.redisPrefix ?? fleet.redisPrefix };
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
