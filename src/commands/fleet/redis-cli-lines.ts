import { parseRedisUrl } from "../../registry/redis-url.ts";

/** What to type to see the registry with one's own eyes. */
export interface RedisCliLines {
  /** Who owns the stream: its whole record. */
  readonly owner: string;
  /** ms until the owner's session ends unless it is renewed. */
  readonly ownerLeft: string;
  /** The same for an origin. */
  readonly sessionLeft: (origin: string) => string;
  /** The newest events first. */
  readonly events: string;
}

/**
 * redis-cli commands for a stream. Passwords are not shown: redis-cli takes one from `REDISCLI_AUTH`.
 * Behind Sentinel the address is the Sentinels' answer, asked when the line runs.
 */
export function redisCliLines(url: string, prefix: string, key: string): RedisCliLines {
  const cli = commandFor(url);
  const owner = `${cli} HGET '${prefix}:stream:${key}' origin`;
  return {
    owner: `${cli} HGETALL '${prefix}:stream:${key}'`,
    ownerLeft: `${cli} PTTL "${prefix}:origin:$(${owner})"`,
    sessionLeft: (origin) => `${cli} PTTL '${prefix}:origin:${origin}'`,
    events: `${cli} XREVRANGE '${prefix}:events' + - COUNT 10`,
  };
}

function commandFor(url: string): string {
  const { kind, endpoints, tls, username, db, master } = parseRedisUrl(url);
  const [{ host, port } = { host: "127.0.0.1", port: 6379 }] = endpoints;
  const flags = [
    ...(tls ? ["--tls"] : []),
    ...(username === "" ? [] : ["--user", username]),
    ...(db === 0 ? [] : ["-n", String(db)]),
    ...(kind === "cluster" ? ["-c"] : []),
  ];
  const at =
    kind === "sentinel"
      ? `$(redis-cli -h ${host} -p ${port} SENTINEL get-master-addr-by-name ${master} | sed '1s/^/-h /;2s/^/-p /')`
      : host === "127.0.0.1"
        ? `-p ${port}`
        : `-h ${host} -p ${port}`;
  return ["redis-cli", at, ...flags].join(" ");
}
