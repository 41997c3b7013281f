import { redisCli, redisCliRaw } from "./redis-cli.ts";
import { startRedis } from "./start-redis.ts";
import type { TestRedis } from "./start-redis.ts";
import { waitFor } from "./wait.ts";

/** The bus of a cluster node listens this far above its port. */
const BUS_OFFSET = 10_000;

export interface TestRedisCluster {
  /** `redis-cluster://host:port,host:port,host:port` */
  readonly url: string;
  readonly nodes: readonly TestRedis[];
  /** The master that serves the slot of `key`. */
  masterOf(key: string): Promise<TestRedis>;
  /** Add an empty node as a replica of `master`, and wait until it is in step. */
  addReplica(master: TestRedis): Promise<TestRedis>;
  stop(): Promise<void>;
}

/** Start a real Redis Cluster of three masters, as `redis-cli --cluster create` makes it. */
export async function startRedisCluster(): Promise<TestRedisCluster> {
  const nodes: TestRedis[] = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (let i = 0; i < 3; i++) nodes.push(await startNode());
    await redisCliRaw("--cluster", "create", ...nodes.map(addressOf), "--cluster-yes");
    await agree(nodes, 3);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `redis-cluster://${nodes.map(addressOf).join(",")}`,
    nodes,
    masterOf: (key) => masterOf(nodes, key),
    addReplica: async (master) => {
      const id = (await ask(master, "CLUSTER", "MYID")).trim();
      const replica = await startNode();
      nodes.push(replica);
      const options = ["--cluster-slave", "--cluster-master-id", id];
      await redisCliRaw("--cluster", "add-node", addressOf(replica), addressOf(master), ...options);
      await agree(nodes, nodes.length);
      const inStep = async () =>
        (await ask(replica, "INFO", "replication")).includes("master_link_status:up");
      await waitFor(inStep, { what: "the replica" });
      return replica;
    },
    stop,
  };
}

function startNode(): Promise<TestRedis> {
  const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
  return startRedis({ args, portOffset: BUS_OFFSET });
}

/** Wait until every node says that the cluster works and knows all others. */
async function agree(nodes: readonly TestRedis[], known: number): Promise<void> {
  for (const node of nodes)
    await waitFor(
      async () => {
        const info = await ask(node, "CLUSTER", "INFO");
        return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${known}`);
      },
      { within: 30_000, what: `cluster node ${node.port}` },
    );
}

async function masterOf(nodes: readonly TestRedis[], key: string): Promise<TestRedis> {
  const [first] = nodes;
  if (!first) throw new Error("the cluster has no nodes");
  const slot = Number(await ask(first, "CLUSTER", "KEYSLOT", key));
  const shards = (await ask(first, "CLUSTER", "NODES")).split("\n").map((line) => line.split(" "));
  for (const [, address = "", flags = "", , , , , , ...ranges] of shards) {
    const serves = ranges.some((range) => {
      const [low = NaN, high = low] = range.split("-").map(Number);
      return slot >= low && slot <= high;
    });
    const port = Number(/:(\d+)@/.exec(address)?.[1]);
    const node = nodes.find((candidate) => candidate.port === port);
    if (flags.includes("master") && serves && node) return node;
  }
  throw new Error(`nobody serves slot ${slot}`);
}

function addressOf(node: TestRedis): string {
  return `127.0.0.1:${node.port}`;
}

function ask(node: TestRedis, ...command: string[]): Promise<string> {
  return redisCli(node.port, undefined, ...command);
}
