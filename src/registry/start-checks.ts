import { HoldfastError } from "../domain/errors.ts";
import type { Server } from "./client.ts";
import { asList, asText } from "./replies.ts";

/** What a server says of itself; `undefined` where we may not ask. */
interface SelfReport {
  readonly info: ReadonlyMap<string, string> | undefined;
  readonly config: ReadonlyMap<string, string> | undefined;
}

/** What was found of a server. */
export interface ServerCheck {
  /** `REGISTRY_REFUSED`: records could vanish (`maxmemory-policy`) or cannot be written (replica). */
  readonly refusals: readonly HoldfastError[];
  /** Sentences for the operator about what is allowed but should be known. */
  readonly warnings: readonly string[];
}

/**
 * See whether ownership is safe in this Redis, before the first session.
 *
 * @param about which setting leads there, and whether it should save what it holds
 */
export async function checkServer(
  server: Server,
  about = { setting: "redis.url", persistence: true },
): Promise<ServerCheck> {
  const report = { info: await readInfo(server), config: await readConfig(server) };
  const refusals: HoldfastError[] = [];
  const warnings: string[] = [];
  if (!report.info) warnings.push(`Redis at ${server.address} does not allow INFO: its role is not checked`);
  const role = report.info?.get("role");
  if (role !== undefined && role !== "master")
    refusals.push(replica(server, about.setting, report.info?.get("slave_read_only") !== "0"));

  const policy = report.config?.get("maxmemory-policy") ?? report.info?.get("maxmemory_policy");
  if (policy === undefined)
    warnings.push(
      `Redis at ${server.address} does not tell its maxmemory-policy: make sure that it is noeviction`,
    );
  else if (policy !== "noeviction") refusals.push(evicting(server, policy));

  if (!about.persistence) return { refusals, warnings };
  const persistence = saysPersistence(report);
  if (persistence === undefined)
    warnings.push(`Redis at ${server.address} does not tell whether it saves to disk`);
  else if (!persistence)
    warnings.push(
      `Redis at ${server.address} saves nothing to disk: after its restart every origin registers and claims anew`,
    );
  return { refusals, warnings };
}

function replica(server: Server, setting: string, readOnly: boolean): HoldfastError {
  return new HoldfastError("REGISTRY_REFUSED", {
    detail:
      `Redis at ${server.address} is a ${readOnly ? "read-only replica" : "replica, which loses what is written to it"}: ` +
      `${setting} must lead to the master`,
    registry: server.address,
  });
}

function evicting(server: Server, policy: string): HoldfastError {
  return new HoldfastError("REGISTRY_REFUSED", {
    detail:
      `Redis at ${server.address} has maxmemory-policy ${policy} and may throw ownership records away: ` +
      "set it to noeviction",
    registry: server.address,
    policy,
  });
}

/** What names a server among all, from its start to its end; `undefined` when it does not tell. */
export async function runIdOf(server: Server): Promise<string | undefined> {
  return (await readInfo(server))?.get("run_id");
}

function saysPersistence({ info, config }: SelfReport): boolean | undefined {
  if (config?.get("appendonly") === "yes" || info?.get("aof_enabled") === "1") return true;
  const save = config?.get("save");
  return save === undefined ? undefined : save.trim() !== "";
}

async function readInfo(server: Server): Promise<Map<string, string> | undefined> {
  const text = await unlessForbidden(() => server.call("INFO"));
  if (text === undefined) return undefined;
  const lines = asText(text).split("\r\n");
  return new Map(lines.map((line) => [line.split(":", 1)[0] ?? "", line.slice(line.indexOf(":") + 1)]));
}

/** Many hosted Redis forbid CONFIG; INFO then says the most important things. */
async function readConfig(server: Server): Promise<Map<string, string> | undefined> {
  const settings = new Map<string, string>();
  for (const name of ["maxmemory-policy", "appendonly", "save"]) {
    const reply = await unlessForbidden(() => server.call("CONFIG", "GET", name));
    if (reply === undefined) return undefined;
    const [, value] = asList(reply);
    if (value !== undefined) settings.set(name, asText(value));
  }
  return settings;
}

/** `undefined` when the server answered that it does not do this for us; other failures are thrown. */
async function unlessForbidden(ask: () => Promise<unknown>): Promise<unknown> {
  try {
    return await ask();
  } catch (error) {
    const text = error instanceof HoldfastError && error.code === "REGISTRY_REFUSED" ? error.message : "";
    if (/NOPERM|unknown command|unknown subcommand/i.test(text)) return undefined;
    throw error;
  }
}
