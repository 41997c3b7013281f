import type { Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";
import type { RedisClient } from "./client.ts";
import type { LockNode } from "./lock-node.ts";
import { checkServer, runIdOf } from "./start-checks.ts";

/**
 * Connect to all lock nodes, and see whether leases are safe there. A minority that is away is a warning.
 *
 * @throws HoldfastError `REGISTRY_UNAVAILABLE` when fewer than a quorum can be reached; `REGISTRY_REFUSED` when one may
 * throw leases away or is a replica; `CONFIG_INVALID` when two are the same server
 */
export async function connectLockNodes(nodes: readonly LockNode[], log: Logger): Promise<void> {
  const quorum = Math.floor(nodes.length / 2) + 1;
  const attempts = await Promise.allSettled(nodes.map(({ client }) => client.connect()));
  const failures = attempts.flatMap((one) => (one.status === "rejected" ? [one.reason as unknown] : []));
  if (nodes.length - failures.length < quorum) throw failures[0];
  for (const error of failures) log.warn({ err: error }, "lock node not reached");
  const present = nodes.filter((_, index) => attempts[index]?.status === "fulfilled");
  await checkNodes(
    present.map(({ client }) => client),
    log,
  );
}

async function checkNodes(clients: readonly RedisClient[], log: Logger): Promise<void> {
  const known = new Map<string, RedisClient>();
  for (const client of clients) {
    const { refusals, warnings } = await checkServer(client, {
      setting: "redis.lockNodes",
      persistence: false,
    });
    const [refusal] = refusals;
    if (refusal) throw refusal;
    for (const warning of warnings) log.warn({ warning, registry: client.address }, "lock node is doubtful");
    const runId = await runIdOf(client);
    if (runId === undefined) continue;
    const other = known.get(runId);
    if (other)
      throw new HoldfastError("CONFIG_INVALID", {
        detail: `redis.lockNodes: ${client.address} and ${other.address} are the same server`,
      });
    known.set(runId, client);
  }
}
