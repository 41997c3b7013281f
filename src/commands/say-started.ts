import type { Logger } from "pino";
import { maskUrl } from "../config/mask.ts";
import type { Config } from "../config/schema.ts";
import { say } from "./output.ts";

/** One line that says where everything is: for people on a terminal, else for the log. */
export function sayStarted(
  config: Config,
  addresses: Readonly<Record<string, string>>,
  log: Logger,
  workers = 1,
): void {
  const { url } = config.redis;
  const registry = url === undefined ? "none: it runs alone (no redis.url)" : maskUrl(url);
  const several = workers > 1;
  if (!process.stderr.isTTY)
    return log.info({ ...addresses, registry, ...(several ? { workers } : {}) }, "origin started");
  const places = Object.entries(addresses).map(([name, address]) => `${name.toUpperCase()} ${address}`);
  const who = `origin ${config.name}${several ? ` (${workers} workers)` : ""}`;
  say(`${who} is up: ${places.join(", ")}; registry ${registry}`);
}
