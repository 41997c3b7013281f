import { readFileSync } from "node:fs";
import { runBench } from "./lib/bench.ts";
import { isClean, play, publish, type Played } from "./lib/loadgen.ts";
import { cpuSeconds } from "./lib/proc.ts";
import { fixed, type Row } from "./lib/report.ts";
import { startOrigin, startRedis, type Server } from "./lib/servers.ts";
import { SERVER_CORE } from "./lib/tools.ts";

/** How connections reach the workers: handed over in turn by the first process, or taken by whoever is first. */
type Passing = "rr" | "none";

interface Setup {
  readonly name: string;
  readonly workers: number;
  /** Whether all of them share one core. */
  readonly oneCore: boolean;
  readonly passing: Passing;
}

interface Load {
  readonly players: number;
  readonly streams: number;
  readonly seconds: number;
}

/** One process of the server: 0 is the one that holds the ports. */
interface Part {
  readonly worker: number;
  /** CPU seconds while the players joined, and per second of the window. */
  readonly joining: number;
  readonly cpu: number;
  readonly players: number;
  readonly pulls: number;
}

interface Measured {
  readonly setup: Setup;
  readonly load: Load;
  readonly parts: readonly Part[];
  readonly played: Played;
}

const SETTLE_S = 4;
const ONE: Setup = { name: "1 process, 1 core", workers: 1, oneCore: true, passing: "rr" };
const SHARED: Setup = { name: "2 workers, 1 core", workers: 2, oneCore: true, passing: "rr" };
const SPREAD: Setup = { name: "2 workers, 2 cores", workers: 2, oneCore: false, passing: "rr" };
const TAKEN: Setup = {
  name: "2 workers, 1 core, connections taken",
  ...{ workers: 2, oneCore: true, passing: "none" },
};

async function measure(setup: Setup, load: Load): Promise<Measured> {
  const redis = await startRedis();
  const server = await startOrigin({
    name: "b",
    redisUrl: redis.url,
    ...(setup.oneCore ? { core: SERVER_CORE } : {}),
    env: {
      HOLDFAST_WORKERS__COUNT: String(setup.workers),
      NODE_CLUSTER_SCHED_POLICY: setup.passing,
      ...(setup.workers > 1
        ? { HOLDFAST_ADVERTISE__RELAY: "127.0.0.1:0", HOLDFAST_ADVERTISE__PEER: "127.0.0.1:0" }
        : {}),
    },
  });
  try {
    await allServe(server, setup.workers);
    const publisher = await publish(server, { streams: load.streams });
    const pids = processesOf(server, setup.workers);
    const cpu = () => pids.map(cpuSeconds);
    const atStart = cpu();
    const { players: count, streams, seconds } = load;
    const players = play(server, { players: count, streams, settle: SETTLE_S, window: seconds });
    await players.window();
    const [began, joined] = [performance.now(), cpu()];
    const told = await sessionsOf(server);
    const played = await players.result();
    const [spent, elapsed] = [cpu(), (performance.now() - began) / 1_000];
    await publisher.stop();
    const parts = pids.map((_, index) => ({
      worker: setup.workers === 1 ? 1 : index,
      joining: (joined[index] ?? 0) - (atStart[index] ?? 0),
      cpu: ((spent[index] ?? 0) - (joined[index] ?? 0)) / elapsed,
      players: told.players.get(setup.workers === 1 ? 1 : index) ?? 0,
      pulls: told.pulls.get(index) ?? 0,
    }));
    return { setup, load, parts, played };
  } finally {
    await server.stop();
    await redis.stop();
  }
}

/** The first process, then its workers in their order. */
function processesOf({ pid }: Server, workers: number): readonly number[] {
  if (workers === 1) return [pid];
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").map(Number);
  return [pid, ...children.toSorted((one, other) => one - other)];
}

async function metricsOf({ apiPort }: Server): Promise<string> {
  return (await fetch(`http://127.0.0.1:${apiPort}/metrics`)).text();
}

async function allServe(server: Server, workers: number): Promise<void> {
  if (workers === 1) return;
  for (;;) {
    const text = await metricsOf(server).catch(() => "");
    if ([...text.matchAll(/^holdfast_ready\{.*\} 1$/gm)].length === workers) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Players and pulls by worker. */
async function sessionsOf(server: Server) {
  const text = await metricsOf(server);
  const read = (name: string) =>
    new Map(
      [...text.matchAll(new RegExp(`^${name}(?:worker="(\\d+)")?\\}? (\\d+)$`, "gm"))].map(
        ([, worker, value]) => [Number(worker ?? 1), Number(value)] as const,
      ),
    );
  return {
    players: read('holdfast_sessions\\{protocol="rtmp",role="player",?'),
    pulls: read("holdfast_relay_pulls\\{?"),
  };
}

const total = ({ parts }: Measured, what: "cpu" | "joining") =>
  parts.reduce((sum, part) => sum + part[what], 0);
const perPlayer = (one: Measured) => (total(one, "cpu") * 1e6) / one.load.players;

function rowOf(one: Measured, base: Measured): Row {
  const { setup, load, parts, played } = one;
  const first = parts.find(({ worker }) => worker === 0);
  const workers = parts.filter(({ worker }) => worker !== 0);
  return {
    setup: setup.name,
    streams: load.streams,
    players: load.players,
    "by worker": workers.map(({ players }) => players).join(" + "),
    "CPU us/player/s": fixed(perPlayer(one), 1),
    x: fixed(perPlayer(one) / perPlayer(base), 2),
    "CPU by worker": workers.map(({ cpu }) => `${fixed(cpu * 100, 1)} %`).join(" + "),
    "join us/player": fixed((total(one, "joining") * 1e6) / load.players, 0),
    "first process": first ? `${fixed((first.joining * 1e6) / load.players, 0)} us/join` : "",
    "load's CPU": `${fixed(played.cli_util, 0)} %`,
    "p50 ms": fixed(played.p50),
    "p99 ms": fixed(played.p99),
    clean: isClean(played) ? "yes" : "no",
  };
}

/** The line through two loads: what one player more costs, and what is left without any. */
function slopes(many: Measured, few: Measured): Row[] {
  return many.parts.flatMap((part, index) => {
    const other = few.parts[index];
    if (part.worker === 0 || !other) return [];
    const each = (part.cpu - other.cpu) / (part.players - other.players);
    return {
      setup: many.setup.name,
      worker: part.pulls > 0 ? "pulls the stream" : "owns the stream",
      players: `${other.players} and ${part.players}`,
      "CPU us/player/s": fixed(each * 1e6, 1),
      "without players": `${fixed((other.cpu - each * other.players) * 1_000, 2)} ms/s`,
    };
  });
}

await runBench({
  name: "workers",
  about: "what `holdfast serve --workers` costs, and what it gives",
  numbers: {
    players: { usual: 1_500, quick: 60, help: "players of one stream; a third of them for the slopes" },
    streams: { usual: 100, quick: 6, help: "streams with one player each, for the cost of one crossing" },
    seconds: { usual: 8, quick: 2, help: "length of each window" },
  },
  async measure({ players, streams, seconds }) {
    const many = { players, streams: 1, seconds };
    const few = { ...many, players: Math.round(players / 3) };
    const single = { players: streams, streams, seconds };
    const one = await measure(ONE, many);
    const oneFew = await measure(ONE, few);
    const shared = await measure(SHARED, many);
    const sharedFew = await measure(SHARED, few);
    const taken = await measure(TAKEN, many);
    const spread = await measure(SPREAD, many);
    const oneEach = await measure(ONE, single);
    const sharedEach = await measure(SHARED, single);
    const crossings = sharedEach.parts.reduce((sum, { pulls }) => sum + pulls, 0);
    const more = total(sharedEach, "cpu") - total(oneEach, "cpu");
    return {
      tables: [
        { title: "One stream", rows: [one, shared, taken, spread].map((row) => rowOf(row, one)) },
        { title: "One player more", rows: [...slopes(one, oneFew), ...slopes(shared, sharedFew)] },
        {
          title: `One player per stream; ${crossings} streams cross: ${fixed((more * 1e6) / Math.max(1, crossings), 0)} us of CPU per crossing and second more`,
          rows: [oneEach, sharedEach].map((row) => rowOf(row, oneEach)),
        },
      ],
      verdicts: [],
    };
  },
});
