import { runBench } from "./lib/bench.ts";
import { measureModel } from "./lib/fanout-model.ts";
import { searchMost } from "./lib/fanout-search.ts";
import { isClean, othersShare, play, publish, type Played, type Protocol } from "./lib/loadgen.ts";
import { fixed, quantile, type Row, type Verdict } from "./lib/report.ts";
import { startFloor, startNginx, startNms, startOrigin, type Server } from "./lib/servers.ts";
import { SERVER_CORE } from "./lib/tools.ts";

interface Run {
  readonly who: "floor" | "few-floor" | "holdfast" | "baseline" | "peer";
  readonly start: () => Promise<Server>;
  readonly protocol: Protocol;
  readonly players: number;
}

interface Measured extends Run {
  readonly server: string;
  /** The round with the median cost. */
  readonly played: Played;
  /** us per player and second, of each round. */
  readonly costs: readonly number[];
}

const NMS_TIMES_CHEAPER = 5;
const MOST_OVER_FLOOR = 1.25;
const MOST_ADDED_MS = 5;

async function measure(run: Run, seconds: number): Promise<{ server: string; played: Played }> {
  const server = await run.start();
  try {
    const publisher = await publish(server);
    const played = await play(server, {
      protocol: run.protocol,
      players: run.players,
      settle: 3,
      window: seconds,
    }).result();
    await publisher.stop();
    return { server: server.name, played };
  } finally {
    await server.stop();
  }
}

function median(run: Run, rounds: readonly { server: string; played: Played }[]): Measured {
  const sorted = [...rounds].sort((a, b) => a.played.us_per_player_s - b.played.us_per_player_s);
  const { server, played } = sorted[Math.floor(rounds.length / 2)] as { server: string; played: Played };
  return { ...run, server, played, costs: rounds.map((round) => round.played.us_per_player_s) };
}

function rowOf(one: Measured, floor: number): Row {
  const { played, costs } = one;
  return {
    server: one.server,
    protocol: one.protocol,
    players: one.players,
    "us/player/s": fixed(played.us_per_player_s),
    ...(costs.length > 1
      ? { "least, most": `${fixed(Math.min(...costs))}, ${fixed(quantile(costs, 1))}` }
      : {}),
    "x C floor": fixed(played.us_per_player_s / floor, 2),
    core: `${fixed(played.util * 100, 0)} %`,
    "others had": `${fixed(othersShare(played) * 100, 0)} %`,
    "p50 ms": fixed(played.p50),
    "p99 ms": fixed(played.p99),
    "missing/stalls/lost/bad/back": [
      played.n - played.live,
      played.stall1s,
      played.lost,
      played.bad,
      played.tsback,
    ].join("/"),
  };
}

function verdicts(all: readonly Measured[], many: number, few: number): Verdict[] {
  const find = (who: Run["who"], players: number, server = "") =>
    all.find(
      (one) =>
        one.who === who &&
        one.players === players &&
        one.protocol === "rtmp" &&
        one.server.startsWith(server),
    )?.played;
  const cost = (played: Played | undefined) => played?.us_per_player_s ?? Number.NaN;
  const [holdfast, floor] = [find("holdfast", many), find("floor", many)];
  const nms = all.find(
    ({ server, protocol }) => server.startsWith("node-media") && protocol === "rtmp",
  )?.played;
  const overFloor = cost(holdfast) / cost(floor);
  const cheaper = cost(nms) / cost(holdfast);
  const added = (find("holdfast", few)?.p50 ?? Number.NaN) - (find("few-floor", few)?.p50 ?? Number.NaN);
  const broken = all.filter(({ who, played }) => who === "holdfast" && !isClean(played));
  return [
    {
      what: `fan-out CPU per player and second, ${many} RTMP players, 1.1 Mbps`,
      budget: `<= ${MOST_OVER_FLOOR} x the C floor`,
      measured: `${fixed(cost(holdfast))} us`,
      ratio: `${fixed(overFloor, 2)} x the C floor`,
      ok: overFloor <= MOST_OVER_FLOOR,
    },
    {
      what: "the same beside node-media-server",
      budget: `>= ${NMS_TIMES_CHEAPER} x cheaper`,
      measured: `${fixed(cost(holdfast))} us`,
      ratio: `${fixed(cheaper)} x cheaper`,
      ok: cheaper >= NMS_TIMES_CHEAPER,
    },
    {
      what: `delay added to the C floor's, ${few} players`,
      budget: `p50 <= ${MOST_ADDED_MS} ms`,
      measured: `${fixed(added)} ms`,
      ok: added <= MOST_ADDED_MS,
    },
    {
      what: "players of holdfast that missed, stalled, lost or got something wrong",
      budget: "none",
      measured:
        broken.length === 0 ? "none" : broken.map((one) => `${one.protocol}, ${one.players}`).join("; "),
      ok: broken.length === 0,
    },
  ];
}

await runBench({
  name: "fanout",
  about: "CPU and delay per player, beside a C floor, nginx-rtmp and node-media-server",
  numbers: {
    players: { usual: 2_000, quick: 60, help: "players of holdfast and of the C floor" },
    "peer-players": { usual: 1_000, quick: 40, help: "players of the peers, by RTMP" },
    "peer-flv-players": {
      usual: 600,
      quick: 40,
      help: "players of node-media-server by HTTP-FLV and WS-FLV",
    },
    few: { usual: 20, quick: 5, help: "players of the rows about delay" },
    seconds: { usual: 8, quick: 2, help: "length of each measurement" },
    rounds: { usual: 1, quick: 1, help: "repeat everything in turn and take medians" },
    "model-players": { usual: 600, quick: 40, help: "with --model: players of each measurement" },
    most: { usual: 9_000, quick: 120, help: "with --search: most players that are tried" },
  },
  texts: { baseline: { help: "dist/cli.js of another build, to compare with" } },
  switches: {
    search: "players per core instead: more and more until one stalls or loses something",
    model: "what a write and what a Mbps costs instead",
  },
  async measure(flags) {
    const holdfast = (program?: string) => () =>
      startOrigin({
        name: program === undefined ? "holdfast" : "holdfast-baseline",
        core: SERVER_CORE,
        ...(program === undefined ? {} : { program }),
      });
    if (flags.search)
      return searchMost(holdfast(), { most: flags.most, seconds: flags.seconds, quick: flags.quick });
    if (flags.model) return measureModel({ players: flags["model-players"], seconds: flags.seconds });
    const { players: many, few, baseline } = flags;
    const floor = (ms: number) => () => startFloor(ms, SERVER_CORE);
    const nms = () => startNms(SERVER_CORE);
    const runs: Run[] = [
      { who: "floor", start: floor(100), protocol: "rtmp", players: many },
      { who: "holdfast", start: holdfast(), protocol: "rtmp", players: many },
      ...(baseline === undefined
        ? []
        : [{ who: "baseline", start: holdfast(baseline), protocol: "rtmp", players: many } as const]),
      { who: "holdfast", start: holdfast(), protocol: "flv", players: many },
      { who: "holdfast", start: holdfast(), protocol: "ws", players: many },
      { who: "few-floor", start: floor(0), protocol: "rtmp", players: few },
      { who: "holdfast", start: holdfast(), protocol: "rtmp", players: few },
      { who: "peer", start: () => startNginx(SERVER_CORE), protocol: "rtmp", players: flags["peer-players"] },
      { who: "peer", start: nms, protocol: "rtmp", players: flags["peer-players"] },
      { who: "peer", start: nms, protocol: "flv", players: flags["peer-flv-players"] },
      { who: "peer", start: nms, protocol: "ws", players: flags["peer-flv-players"] },
    ];
    const rounds = runs.map((): { server: string; played: Played }[] => []);
    for (let round = 0; round < flags.rounds; round++)
      for (const [index, run] of runs.entries()) rounds[index]?.push(await measure(run, flags.seconds));
    const all = runs.map((run, index) => median(run, rounds[index] ?? []));
    const floorCost = all[0]?.played.us_per_player_s ?? Number.NaN;
    return {
      tables: [
        {
          title: "Fan-out of one 1.1 Mbps stream, server on one core, load on another",
          rows: all.map((one) => rowOf(one, floorCost)),
        },
      ],
      verdicts: verdicts(all, many, few),
      raw: all.map(({ start: _, ...rest }) => rest),
    };
  },
});
