import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { redisCli } from "./redis-cli.ts";
import { findRedisServer, startRedis, startServer } from "./start-redis.ts";
import type { TestRedis } from "./start-redis.ts";
import { waitFor } from "./wait.ts";

/** The user that the Sentinel is at the servers. */
export const SENTINEL_USER = "watcher";

export interface TestSentinel {
  /** `redis-sentinel://host:port/main` */
  readonly url: string;
  readonly master: TestRedis;
  readonly replica: TestRedis;
  readonly sentinel: TestRedis;
  /** Where the Sentinel says that the master is. */
  masterPort(): Promise<number>;
  stop(): Promise<void>;
}

export interface SentinelOptions {
  /** Password of the Redis servers. */
  readonly password?: string;
  /** Password of the Sentinel itself. */
  readonly sentinelPassword?: string;
}

/** Start a master, its replica, and a Sentinel that promotes the replica about a second after the master is gone. */
export async function startRedisSentinel(options: SentinelOptions = {}): Promise<TestSentinel> {
  const { password, sentinelPassword } = options;
  const auth = password === undefined ? [] : ["--requirepass", password, "--masterauth", password];
  const started: TestRedis[] = [];
  const dir = mkdtempSync(join(tmpdir(), "holdfast-sentinel-"));
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()));
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const master = await startRedis({ args: auth });
    started.push(master);
    const replica = await startRedis({ args: [...auth, "--replicaof", `127.0.0.1 ${master.port}`] });
    started.push(replica);
    // The Sentinel has a user of its own, so that a test can cut it off from a server.
    for (const { port } of [master, replica])
      await redisCli(port, password, "ACL", "SETUSER", SENTINEL_USER, "on", ">watcher", "~*", "&*", "+@all");
    await waitFor(
      async () =>
        (await redisCli(replica.port, password, "INFO", "replication")).includes("master_link_status:up"),
      { what: "the replica" },
    );
    const port = await freePort();
    const file = join(dir, "sentinel.conf");
    writeFileSync(
      file,
      [
        `port ${port}`,
        "bind 127.0.0.1",
        `sentinel monitor main 127.0.0.1 ${master.port} 1`,
        "sentinel down-after-milliseconds main 1000",
        "sentinel failover-timeout main 3000",
        `sentinel auth-user main ${SENTINEL_USER}`,
        "sentinel auth-pass main watcher",
        ...(sentinelPassword === undefined ? [] : [`requirepass ${sentinelPassword}`]),
        "",
      ].join("\n"),
    );
    const sentinel = await startServer(findRedisServer(), port, [file, "--sentinel"], "+monitor master main");
    started.push(sentinel);
    await waitFor(
      async () =>
        (await redisCli(port, sentinelPassword, "SENTINEL", "replicas", "main")).includes(`${replica.port}`),
      { within: 20_000, what: "the Sentinel's view of the replica" },
    );
    return {
      url: `redis-sentinel://127.0.0.1:${port}/main`,
      master,
      replica,
      sentinel,
      masterPort: async () => {
        const address = await redisCli(port, sentinelPassword, "SENTINEL", "get-master-addr-by-name", "main");
        return Number(address.split("\n")[1]);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
