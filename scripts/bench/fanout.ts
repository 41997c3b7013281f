import { parseArgs } from "node:util";
import { fixed, printTable } from "./lib/report.ts";
import { startFloor, startNms, startOrigin, type Server } from "./lib/servers.ts";
import { compile, output, run } from "./lib/tools.ts";

const SERVER_CORE = 0;
const CLIENT_CORE = 1;

/** What loadgen prints; see scripts/bench/tools/loadgen.cpp. */
interface LoadgenLine {
  readonly live: number;
  readonly us_per_player_s: number;
  readonly util: number;
  readonly p50: number;
  readonly p99: number;
  readonly stall1s: number;
  readonly lost: number;
  readonly bad: number;
  readonly tsback: number;
}

interface Row extends LoadgenLine {
  readonly server: string;
  readonly protocol: "rtmp" | "flv";
  readonly players: number;
}

const { values: flags } = parseArgs({
  options: {
    players: { type: "string", default: "2000" },
    "nms-players": { type: "string", default: "1000" },
    seconds: { type: "string", default: "8" },
    few: { type: "string", default: "20" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});

async function measure(server: Server, protocol: "rtmp" | "flv", players: number): Promise<Row> {
  const loadgen = compile("loadgen");
  const publisher = run(
    loadgen,
    ["pub", "127.0.0.1", String(server.rtmpPort), "live", "b1", "1000", "30", "60"],
    {
      core: CLIENT_CORE,
    },
  );
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const port = protocol === "rtmp" ? server.rtmpPort : server.httpPort;
  const load = ["-ramp", "800", "-settle", "3", "-win", flags.seconds];
  const target = ["play", protocol, "127.0.0.1", String(port), "live", "b1", String(players)];
  const text = await output(
    loadgen,
    [...target, ...load, "-pid", String(server.pid), "-core", String(SERVER_CORE)],
    {
      core: CLIENT_CORE,
    },
  );
  await publisher.stop();
  return { server: server.name, protocol, players, ...(JSON.parse(text) as LoadgenLine) };
}

async function main(): Promise<void> {
  if (flags.help) {
    process.stdout.write(
      "usage: scripts/bench/fanout [--players 2000] [--nms-players 1000] [--few 20] [--seconds 8] [--json]\n",
    );
    return;
  }
  const many = Number(flags.players);
  const few = Number(flags.few);
  const plan: { start: () => Promise<Server>; runs: readonly ["rtmp" | "flv", number][] }[] = [
    { start: () => startFloor(100, SERVER_CORE), runs: [["rtmp", many]] },
    { start: () => startFloor(0, SERVER_CORE), runs: [["rtmp", few]] },
    {
      start: () => startOrigin({ name: "holdfast", core: SERVER_CORE }),
      runs: [
        ["rtmp", many],
        ["rtmp", few],
        ["flv", many],
      ],
    },
    { start: () => startNms(SERVER_CORE), runs: [["rtmp", Number(flags["nms-players"])]] },
  ];
  const rows: Row[] = [];
  for (const { start, runs } of plan) {
    for (const [protocol, players] of runs) {
      const server = await start();
      try {
        rows.push(await measure(server, protocol, players));
      } finally {
        await server.stop();
      }
    }
  }
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
    return;
  }
  const floor = rows.find((row) => row.server.startsWith("C floor, 100"));
  printTable(
    "Fan-out of one 1.1 Mbps stream, server on one core, load on another",
    rows.map((row) => ({
      server: row.server,
      protocol: row.protocol,
      players: row.players,
      "us/player/s": fixed(row.us_per_player_s),
      "x C floor": fixed(row.us_per_player_s / (floor?.us_per_player_s ?? Number.NaN), 2),
      core: `${fixed(row.util * 100, 0)} %`,
      "p50 ms": fixed(row.p50),
      "p99 ms": fixed(row.p99),
      "stalls/lost/bad/back": `${row.stall1s}/${row.lost}/${row.bad}/${row.tsback}`,
    })),
  );
}

await main();
