import { maskUrl } from "../config/mask.ts";
import { HoldfastError } from "../domain/errors.ts";

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Where the registry is. `sentinel` and `cluster` name several servers, of which some may be down. */
export interface RedisTarget {
  readonly kind: "single" | "sentinel" | "cluster";
  readonly endpoints: readonly Endpoint[];
  readonly tls: boolean;
  /** Empty: the `default` user. */
  readonly username: string;
  /** Empty: no authentication. */
  readonly password: string;
  readonly db: number;
  /** Name of the Sentinel's master group; empty for the other kinds. */
  readonly master: string;
  readonly sentinelUsername: string;
  readonly sentinelPassword: string;
}

const FORM =
  /^(redis|rediss|redis-sentinel|redis-cluster):\/\/(?:([^@/]*)@)?([^@/?]+)((?:\/[^?]*)?)(?:\?(.*))?$/;
const QUERY_KEYS = ["tls", "sentinelUsername", "sentinelPassword"];

/**
 * Read a registry URL:
 *
 * - `redis://[user:password@]host[:6379][/db]`, `rediss://` with TLS
 * - `redis-sentinel://[user:password@]host[:26379],host…/master[/db]`; the password is the Redis servers', the
 *   Sentinels' own goes into `?sentinelUsername=…&sentinelPassword=…`
 * - `redis-cluster://[user:password@]host[:6379],host…`
 *
 * `?tls=true` turns TLS on for the last two. User and password are percent-encoded; IPv6 addresses stand in brackets.
 *
 * @throws HoldfastError `CONFIG_INVALID`; its text quotes nothing that may be a part of a password
 */
export function parseRedisUrl(url: string): RedisTarget {
  const match = FORM.exec(url);
  if (!match)
    throw invalid(url, "expected redis://, rediss://, redis-sentinel:// or redis-cluster:// with a host");
  const [, scheme = "", credentials = "", hosts = "", path = "", query = ""] = match;
  const kind = scheme === "redis-sentinel" ? "sentinel" : scheme === "redis-cluster" ? "cluster" : "single";
  const segments = path.split("/").filter((segment) => segment !== "");
  const master = kind === "sentinel" ? segments.shift() : "";
  if (master === undefined) throw invalid(url, "the name of the master group is missing after the Sentinels");
  const [db = "0", ...rest] = segments;
  if (!/^\d{1,5}$/.test(db) || rest.length > 0)
    throw invalid(url, "the path does not name a database (a number)");
  if (kind === "cluster" && db !== "0") throw invalid(url, "Redis Cluster has no database other than 0");
  const endpoints = hosts
    .split(",")
    .map((host) => parseEndpoint(url, host, kind === "sentinel" ? 26379 : 6379));
  if (kind === "single" && endpoints.length > 1) throw invalid(url, "one host is expected");

  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys())
    if (!QUERY_KEYS.includes(name)) throw invalid(url, `only ${QUERY_KEYS.join(", ")} may follow the "?"`);
  const colon = credentials.indexOf(":");
  if (credentials !== "" && (colon < 0 || colon === credentials.length - 1))
    throw invalid(url, "user:password@ or :password@ is expected before the host");
  return {
    kind,
    endpoints,
    tls: scheme === "rediss" || parameters.get("tls") === "true",
    username: decode(url, credentials.slice(0, Math.max(0, colon))),
    password: decode(url, credentials.slice(colon + 1)),
    db: Number(db),
    master: decode(url, master),
    sentinelUsername: parameters.get("sentinelUsername") ?? "",
    sentinelPassword: parameters.get("sentinelPassword") ?? "",
  };
}

function parseEndpoint(url: string, text: string, standardPort: number): Endpoint {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? standardPort);
  if (host === undefined || port < 1 || port > 65_535)
    throw invalid(url, "a host is not HOST, HOST:PORT or [IPV6]:PORT");
  return { host, port };
}

function decode(url: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(url, "a % in user, password or master does not begin an escape such as %40");
  }
}

function invalid(url: string, reason: string): HoldfastError {
  return new HoldfastError("CONFIG_INVALID", {
    detail: `the registry URL ${maskUrl(url)} is not valid: ${reason}`,
  });
}
