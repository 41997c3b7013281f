import { HoldfastError } from "../domain/errors.ts";
import type { ErrorCode } from "../domain/errors.ts";

interface Refusal {
  readonly code: ErrorCode;
  /** What an operator should look at. */
  readonly advice: string;
}

const refused = (advice: string): Refusal => ({ code: "REGISTRY_REFUSED", advice });
const unavailable = (advice: string): Refusal => ({ code: "REGISTRY_UNAVAILABLE", advice });

/** The first word of a Redis error, and what follows from it. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  NOAUTH: refused("Redis wants a password: write it into redis.url (user:password@ or :password@)"),
  WRONGPASS: refused("Redis does not know the user or the password of redis.url"),
  NOPERM: refused("the Redis user of redis.url lacks a permission"),
  READONLY: refused("this Redis is a read-only replica: redis.url must lead to the master"),
  OOM: refused("Redis is out of memory: raise maxmemory, or see what else is stored there"),
  MISCONF: refused("Redis cannot save to its disk and takes no writes until it can"),
  NOREPLICAS: refused("Redis has fewer replicas than min-replicas-to-write and takes no writes"),
  WRONGTYPE: refused("another program uses keys under redis.prefix"),
  LOADING: unavailable("Redis is still loading its data"),
  BUSY: unavailable("Redis is busy with a script"),
  MASTERDOWN: unavailable("this replica has lost its master"),
  CLUSTERDOWN: unavailable("the Redis Cluster is down, or a part of its slots is not served"),
  TRYAGAIN: unavailable("the Redis Cluster is moving the slot"),
};

// Scripts of Redis 6 hide the code in the text ("ERR Error running script … -OOM command not allowed").
const CODE = new RegExp(`(?:^|[\\s-])(${Object.keys(REFUSALS).join("|")})\\b`);

/**
 * What a failed Redis command means for us: `REGISTRY_REFUSED` when Redis answered with an error that stays until
 * somebody acts, else `REGISTRY_UNAVAILABLE`. Arguments of the command, and so keys of streams, are not in it.
 *
 * @param address where the registry is, without credentials
 */
export function toRegistryError(error: unknown, address: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const refusal = REFUSALS[CODE.exec(message)?.[1] ?? ""];
  const options = { cause: error };
  if (refusal) {
    const detail = `${refusal.advice} (${firstLine(message)})`;
    return new HoldfastError(refusal.code, { detail, registry: address }, options);
  }
  const isAnswer = error instanceof Error && error.name === "ReplyError";
  const detail = isAnswer
    ? `the registry at ${address} answered: ${firstLine(message)}`
    : `no connection to the registry at ${address}: ${firstLine(message)}`;
  return new HoldfastError(
    isAnswer ? "REGISTRY_REFUSED" : "REGISTRY_UNAVAILABLE",
    { detail, registry: address },
    options,
  );
}

function firstLine(message: string): string {
  const line = message.split(/[\r\n]/, 1)[0] ?? "";
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
