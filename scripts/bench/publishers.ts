import { runBench } from "./lib/bench.ts";
import { play, publish, type Played, type Published } from "./lib/loadgen.ts";
import { meter, type Spent } from "./lib/proc.ts";
import { fixed, type Row, type Verdict } from "./lib/report.ts";
import { contenders, type Server } from "./lib/servers.ts";
import { SERVER_CORE, sleep } from "./lib/tools.ts";

interface Measured {
  readonly server: string;
  readonly streams: number;
  /** CPU of the server, by its own meter. */
  readonly spent: Spent;
  readonly published: Published;
  readonly played?: Played;
}

const MOST_MS_PER_STREAM = 0.8;
/** A publisher that is later than this was held up: what it sent is not what was asked for. */
const MOST_BEHIND_MS = 1_000;
const SETTLE_S = 3;

async function measure(
  start: () => Promise<Server>,
  streams: number,
  seconds: number,
  withPlayers: boolean,
): Promise<Measured> {
  const server = await start();
  try {
    const publisher = await publish(server, { streams });
    const window = SETTLE_S + seconds;
    const players = withPlayers
      ? play(server, { players: streams, streams, ramp: streams, settle: SETTLE_S, window: seconds })
      : undefined;
    if (players) await players.window();
    else await sleep((window - seconds) * 1_000);
    const stop = meter(server.pid, SERVER_CORE);
    const played = await players?.result();
    if (!played) await sleep(seconds * 1_000);
    const spent = stop();
    const published = await publisher.stop();
    return { server: server.name, streams, spent, published, ...(played ? { played } : {}) };
  } finally {
    await server.stop();
  }
}

/** CPU of the server in ms per stream and second. */
const cost = ({ spent, streams }: Measured) => (spent.cpu * 1_000) / spent.seconds / streams;

/** Whether the server really got all of it, and gave it on. */
function isWhole({ published, played, streams }: Measured): boolean {
  if (published.behind_ms > MOST_BEHIND_MS) return false;
  return (
    !played || (played.live === streams && played.stall1s + played.lost + played.bad + played.tsback === 0)
  );
}

function rowOf(one: Measured, all: readonly Measured[]): Row {
  const { server, streams, spent, published, played } = one;
  const same = all.find((other) => !other.played === !played) as Measured;
  return {
    server,
    streams,
    players: played ? played.n : 0,
    "ms/stream/s": fixed(cost(one), 3),
    "x holdfast": fixed(cost(one) / cost(same), 2),
    core: `${fixed((spent.cpu / spent.seconds) * 100, 0)} %`,
    "others had": `${fixed(spent.others * 100, 0)} %`,
    "Mbps in": fixed(published.mbps, 0),
    "behind ms": fixed(published.behind_ms, 0),
    "p50 ms": fixed(played?.p50),
    "p99 ms": fixed(played?.p99),
    "missing/stalls/lost/bad/back": played
      ? [played.n - played.live, played.stall1s, played.lost, played.bad, played.tsback].join("/")
      : "",
  };
}

function verdicts(all: readonly Measured[]): Verdict[] {
  const ours = all.filter(({ server }) => server === "holdfast");
  const [watched] = ours.filter(({ played }) => played) as [Measured];
  const nms = all.find(({ server, played }) => server.startsWith("node-media") && played);
  const times =
    nms && isWhole(nms) ? `${fixed(cost(nms) / cost(watched), 2)} x cheaper than node-media-server` : "";
  const torn = ours.filter((one) => !isWhole(one));
  return [
    {
      what: `${watched.streams} publishers, 1.1 Mbps, one player each: CPU per stream and second`,
      budget: `<= ${MOST_MS_PER_STREAM} ms`,
      measured: `${fixed(cost(watched), 2)} ms`,
      ratio: times,
      ok: cost(watched) <= MOST_MS_PER_STREAM,
    },
    {
      what: "publishers held up, or players that missed something",
      budget: "none",
      measured:
        torn.length === 0 ? "none" : torn.map(({ played }) => (played ? "with players" : "alone")).join("; "),
      ok: torn.length === 0,
    },
  ];
}

await runBench({
  name: "publishers",
  about:
    "CPU per published stream, with one player each and with none, beside nginx-rtmp and node-media-server",
  numbers: {
    streams: { usual: 200, quick: 10, help: "publishers of 1.1 Mbps" },
    seconds: { usual: 10, quick: 2, help: "length of each measurement" },
  },
  texts: { baseline: { help: "dist/cli.js of another build, to compare with" } },
  async measure({ streams, seconds, baseline }) {
    const all: Measured[] = [];
    for (const withPlayers of [true, false])
      for (const start of contenders(SERVER_CORE, baseline))
        all.push(await measure(start, streams, seconds, withPlayers));
    return {
      tables: [
        {
          title: "Publishers of 1.1 Mbps, server on one core, load on another",
          rows: all.map((one) => rowOf(one, all)),
        },
      ],
      verdicts: verdicts(all),
      raw: all,
    };
  },
});
