import type { Logger } from "pino";
import { asHoldfastError, HoldfastError } from "../domain/errors.ts";
import type { LockNode } from "./lock-node.ts";
import { checkServer, runIdOf } from "./start-checks.ts";

/**
 * Sees whether leases are safe on every lock node, whenever a connection to it was made: a server may be another one
 * than before. One that is not fit has no vote.
 */
export class LockNodeChecks {
  readonly #nodes: readonly LockNode[];
  readonly #log: Logger;
  readonly #runIds = new Map<LockNode, string>();
  readonly #checks = new Map<LockNode, Promise<void>>();
  #started = false;

  constructor(nodes: readonly LockNode[], log: Logger) {
    this.#nodes = nodes;
    this.#log = log;
    for (const node of nodes) node.client.onReady(() => this.#checks.set(node, this.#check(node)));
  }

  /**
   * Connect to all of them. A minority that is away is a warning.
   *
   * @throws HoldfastError `REGISTRY_UNAVAILABLE` when fewer than a quorum can be reached; `REGISTRY_REFUSED` when one may
   * throw leases away or is a replica; `CONFIG_INVALID` when two are the same server
   */
  async connect(): Promise<void> {
    await Promise.allSettled(this.#nodes.map((node) => this.#reach(node)));
    const failures = this.#nodes.flatMap(({ unfit }) => (unfit ? [unfit] : []));
    const refusal = failures.find(({ code }) => code !== "REGISTRY_UNAVAILABLE");
    if (refusal) throw refusal;
    const [failure] = failures;
    if (failure && failures.length > Math.floor((this.#nodes.length - 1) / 2)) throw failure;
    this.#started = true;
    for (const err of failures) this.#log.warn({ err }, "lock node not reached");
  }

  async #reach(node: LockNode): Promise<void> {
    try {
      await node.client.connect();
      await this.#checks.get(node);
    } catch (error) {
      node.unfit = asHoldfastError(error, "REGISTRY_UNAVAILABLE");
    }
  }

  async #check(node: LockNode): Promise<void> {
    const { client } = node;
    const wasFit = node.unfit === undefined;
    node.unfit = new HoldfastError("REGISTRY_UNAVAILABLE", {
      detail: `the lock node at ${client.address} is being checked`,
      registry: client.address,
    });
    let found: HoldfastError | undefined;
    try {
      const { refusals, warnings } = await checkServer(client, {
        setting: "redis.lockNodes",
        persistence: false,
      });
      for (const warning of warnings)
        this.#log.warn({ warning, registry: client.address }, "lock node is doubtful");
      found = refusals[0] ?? this.#sameAsAnother(node, await runIdOf(client));
    } catch (error) {
      // Its next connection is checked again.
      found = asHoldfastError(error, "REGISTRY_UNAVAILABLE");
    }
    node.unfit = found;
    if (!this.#started) return;
    if (found && wasFit) this.#log.error({ err: found, registry: client.address }, "lock node not used");
  }

  #sameAsAnother(node: LockNode, runId: string | undefined): HoldfastError | undefined {
    if (runId === undefined) return undefined;
    this.#runIds.set(node, runId);
    const other = this.#nodes.find((one) => one !== node && this.#runIds.get(one) === runId);
    if (!other) return undefined;
    return new HoldfastError("CONFIG_INVALID", {
      detail: `redis.lockNodes: ${other.client.address} and ${node.client.address} are the same server`,
    });
  }
}
