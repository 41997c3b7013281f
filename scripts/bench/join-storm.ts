import { runBench } from "./lib/bench.ts";
import { othersShare, play, publish, type Played } from "./lib/loadgen.ts";
import { fixed, type Row, type Verdict } from "./lib/report.ts";
import { contenders, startFloor, type Server } from "./lib/servers.ts";
import { SERVER_CORE, sleep } from "./lib/tools.ts";

interface Measured {
  readonly server: string;
  readonly old: Played;
  readonly joiners: Played;
}

const MOST_GAP_MS = 250;
const SETTLE_S = 3;
const BEFORE_S = 4;
const AFTER_S = 6;

/** Two load generators: what the joiners bring must not keep those already playing from being read. */
async function measure(
  start: () => Promise<Server>,
  plan: { playing: number; joiners: number; within: number },
): Promise<Measured> {
  const server = await start();
  try {
    const publisher = await publish(server);
    const window = BEFORE_S + plan.within + AFTER_S;
    const old = play(server, { players: plan.playing, settle: SETTLE_S, window, split: BEFORE_S });
    await old.window();
    await sleep(BEFORE_S * 1_000);
    const ramp = plan.joiners / plan.within;
    const joiners = play(server, { players: plan.joiners, ramp, settle: 0, window: 2 });
    const results = await Promise.all([old.result(), joiners.result()]);
    await publisher.stop();
    return { server: server.name, old: results[0], joiners: results[1] };
  } finally {
    await server.stop();
  }
}

function rowOf({ server, old, joiners }: Measured): Row {
  return {
    server,
    playing: `${old.live} of ${old.n}`,
    "longest gap before, ms": fixed(old.gap_base, 0),
    "in the storm": fixed(old.gap, 0),
    "reader away": fixed(old.own_lag, 0),
    "stalls/lost/bad/back": `${old.stall1s}/${old.lost}/${old.bad}/${old.tsback}`,
    joined: `${joiners.started} of ${joiners.n}`,
    "first media p50, ms": fixed(joiners.first_p50, 0),
    p99: fixed(joiners.first_p99, 0),
    max: fixed(joiners.first_max, 0),
    core: `${fixed(old.util * 100, 0)} %`,
    "others had": `${fixed(othersShare(old) * 100, 0)} %`,
  };
}

function verdictsOf({ old, joiners }: Measured): Verdict[] {
  const harmed = old.n - old.live + old.closed + old.stall1s + old.lost + old.bad + old.tsback;
  return [
    {
      what: `longest gap of ${old.n} players while ${joiners.n} more join`,
      budget: `<= ${MOST_GAP_MS} ms`,
      measured: `${fixed(old.gap, 0)} ms (${fixed(old.gap_base, 0)} ms before; the reader itself was away for ${fixed(old.own_lag, 0)} ms)`,
      ok: old.gap <= MOST_GAP_MS,
    },
    {
      what: "players lost, stalled or harmed by the storm, and joiners without media",
      budget: "0",
      measured: `${harmed} and ${joiners.n - joiners.started}`,
      ok: harmed === 0 && joiners.started === joiners.n,
    },
  ];
}

await runBench({
  name: "join-storm",
  about:
    "what players notice when many more join their stream at once, beside the C floor, nginx-rtmp and node-media-server",
  numbers: {
    playing: { usual: 1_000, quick: 40, help: "players that are there before" },
    joiners: { usual: 2_000, quick: 80, help: "players that join" },
    within: { usual: 2, quick: 1, help: "seconds in which they join" },
  },
  texts: { baseline: { help: "dist/cli.js of another build, to compare with" } },
  async measure({ playing, joiners, within, baseline }) {
    const all: Measured[] = [];
    const starts = [...contenders(SERVER_CORE, baseline), () => startFloor(100, SERVER_CORE)];
    for (const start of starts) all.push(await measure(start, { playing, joiners, within }));
    return {
      tables: [
        {
          title: `${joiners} players join a 1.1 Mbps stream within ${within} s`,
          rows: all.map(rowOf),
        },
      ],
      verdicts: verdictsOf(all[0] as Measured),
      raw: all,
    };
  },
});
