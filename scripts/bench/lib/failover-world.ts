import { join } from "node:path";
import { publishMany } from "./fleet.ts";
import { LogBook } from "./failover-log.ts";
import { Island } from "./failover-net.ts";
import { freePorts, nodeFlags, startOrigin, type Server } from "./servers.ts";
import { listening, root, run, sleep, type Running } from "./tools.ts";

/** An origin of the fleet under test. */
interface Member {
  readonly name: string;
  readonly apiPort: number;
  running: Running;
}

export interface WorldPlan {
  readonly origins: number;
  readonly ingests: number;
  /** Leases on three masters of their own. */
  readonly lockNodes: boolean;
}

/** Who pulls an ingest, and how it goes. */
interface IngestReport {
  readonly stream: string;
  readonly owner: string;
  readonly state: string;
}

const KEY = "a key for measurements only";
const PATIENCE_MS = 120_000;

/**
 * A source with its streams, a registry, and a fleet that pulls them: `o1` on an island whose cable can be cut, the
 * others on the hub.
 */
export class FailoverWorld {
  readonly log = new LogBook();
  readonly sourceLog = new LogBook();
  readonly island = new Island();
  readonly #plan: WorldPlan;
  readonly #members = new Map<string, Member>();
  readonly #redis: Redis[] = [];
  #source: Server | undefined;
  #publisher: Running | undefined;

  constructor(plan: WorldPlan) {
    this.#plan = plan;
  }

  /** Names of the lock masters' places, 0 to 2. */
  get lockNodes(): number {
    return this.#plan.lockNodes ? 3 : 0;
  }

  async open(): Promise<void> {
    this.island.make();
    const { origins, ingests, lockNodes } = this.#plan;
    for (let count = 0; count < (lockNodes ? 4 : 1); count++) this.#redis.push(await startRedis());
    this.#source = await startOrigin({
      name: "source",
      env: { HOLDFAST_BIND: "0.0.0.0", HOLDFAST_LOG__LEVEL: "info", ...NO_LIMITS },
      onLog: (stderr) => this.sourceLog.follow(stderr),
    });
    this.#publisher = await publishMany(this.#source, "b", ingests);
    for (let number = 1; number <= origins; number++) await this.start(`o${number}`);
    for (let number = 0; number < ingests; number++) await this.#define(`live/b${number}`);
    await this.settled();
  }

  /** Start an origin, or start it again. */
  async start(name: string): Promise<void> {
    const onIsland = name === "o1";
    const host = onIsland ? this.island.address : this.island.hub;
    const [rtmp, http, api] = (await freePorts(3)) as [number, number, number];
    const [registry, ...locks] = this.#redis.map(({ port }) => `redis://${this.island.hub}:${port}`);
    const env: Record<string, string> = {
      HOLDFAST_NAME: name,
      HOLDFAST_BIND: "0.0.0.0",
      HOLDFAST_RTMP__PORT: String(rtmp),
      HOLDFAST_HTTP__PORT: String(http),
      HOLDFAST_API__PORT: String(api),
      HOLDFAST_LOG__LEVEL: "info",
      HOLDFAST_ADVERTISE__RTMP: `${host}:${rtmp}`,
      HOLDFAST_ADVERTISE__HTTP: `${host}:${http}`,
      HOLDFAST_ADVERTISE__RELAY: `${host}:${rtmp}`,
      HOLDFAST_ADVERTISE__PEER: `${host}:${http}`,
      HOLDFAST_REDIS__URL: registry ?? "",
      HOLDFAST_CLUSTER__KEY: KEY,
      ...(locks.length > 0 ? { HOLDFAST_REDIS__LOCK_NODES: locks.join(",") } : {}),
      ...NO_LIMITS,
    };
    const program = join(root, "dist", "cli.js");
    const words = [process.execPath, ...nodeFlags(program), program, "serve"];
    const [command = "", ...args] = onIsland ? this.island.command(...words) : words;
    const running = run(command, args, { env });
    if (running.process.stderr) this.log.follow(running.process.stderr);
    const early = running.ended.then(() => Promise.reject(new Error(`${name} ended: ${running.complaints}`)));
    await Promise.race([listening(http, host), early]);
    this.#members.set(name, { name, apiPort: api, running });
  }

  /** SIGKILL. Returns when: ms since 1970. */
  kill(name: string): number {
    const member = this.#members.get(name);
    this.#members.delete(name);
    member?.running.process.kill("SIGKILL");
    return Date.now();
  }

  killLockNode(number: number): void {
    this.#redis[number + 1]?.kill();
  }

  /** The same address, and nothing in it. */
  async replaceLockNode(number: number): Promise<void> {
    const before = this.#redis[number + 1];
    if (before) this.#redis[number + 1] = await startRedis(before.port);
  }

  /** All ingests, as an origin on the hub tells. */
  async ingests(): Promise<IngestReport[]> {
    const member = [...this.#members.values()].find(({ name }) => name !== "o1");
    const answer = await fetch(`http://127.0.0.1:${member?.apiPort}/api/fleet/v1/ingests`);
    return ((await answer.json()) as { ingests: IngestReport[] }).ingests;
  }

  /** Wait until every ingest is live, at an origin of these, and the counts differ by at most one. */
  async settled(names: readonly string[] = [...this.#members.keys()]): Promise<IngestReport[]> {
    return until(async () => {
      const all = await this.ingests();
      const counts = names.map((name) => all.filter(({ owner }) => owner === name).length);
      const live = all.filter(({ state, owner }) => state === "live" && names.includes(owner)).length;
      const even = Math.max(...counts) - Math.min(...counts) <= 1;
      return live === this.#plan.ingests && even ? all : undefined;
    }, "every ingest to be live, evenly");
  }

  /** Wait until every ingest is live at an origin of these. */
  async allLive(names: readonly string[]): Promise<IngestReport[]> {
    return until(async () => {
      const all = await this.ingests();
      const live = all.filter(({ state, owner }) => state === "live" && names.includes(owner));
      return live.length === this.#plan.ingests ? all : undefined;
    }, "every ingest to be live");
  }

  names(): string[] {
    return [...this.#members.keys()];
  }

  /** End the fleet at once, so that nobody takes anything over, and let the source tell the rest. */
  async endFleet(): Promise<void> {
    for (const name of this.names()) this.kill(name);
    const wanted = () => this.sourceLog.said("session ended").length;
    for (let before = -1; before !== wanted();) {
      before = wanted();
      await sleep(1_000);
    }
  }

  async close(): Promise<void> {
    for (const name of this.names()) this.kill(name);
    await this.#publisher?.stop();
    await this.#source?.stop();
    for (const redis of this.#redis) redis.kill();
    this.island.remove();
  }

  async #define(stream: string): Promise<void> {
    const member = this.#members.get("o2");
    const url = `rtmp://${this.island.hub}:${this.#source?.rtmpPort}/${stream}`;
    const answer = await fetch(`http://127.0.0.1:${member?.apiPort}/api/fleet/v1/ingests/${stream}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ url }),
    });
    if (!answer.ok) throw new Error(`${stream}: ${await answer.text()}`);
  }
}

/** All that plays comes from one address. */
const NO_LIMITS = { HOLDFAST_LIMITS__CONNECTIONS_PER_ADDRESS: "100000" };

interface Redis {
  readonly port: number;
  kill(): void;
}

async function startRedis(wanted?: number): Promise<Redis> {
  const port = wanted ?? ((await freePorts(1)) as [number])[0];
  const args = ["--port", String(port), "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""];
  const running = run(process.env["REDIS_SERVER_BIN"] ?? "redis-server", [...args, "--appendonly", "no"]);
  await listening(port);
  return { port, kill: () => void running.process.kill("SIGKILL") };
}

async function until<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  const deadline = performance.now() + PATIENCE_MS;
  let last: unknown;
  while (performance.now() < deadline) {
    const found = await look().catch((error: unknown) => void (last = error));
    if (found !== undefined) return found;
    await sleep(200);
  }
  throw new Error(`waited ${PATIENCE_MS / 1_000} s for ${what}`, { cause: last });
}
