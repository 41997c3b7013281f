import { isClean, othersShare, play, publish, type Played } from "./loadgen.ts";
import { fixed, type Findings } from "./report.ts";
import type { Server } from "./servers.ts";

const WANTED = 6_000;
/** Above this the load generator is what stalls, not the server. */
const LOAD_CORE_FULL = 0.97;

/** Try more and more players of one stream until one stalls, misses a message or cannot join. */
export async function searchMost(
  start: () => Promise<Server>,
  plan: { most: number; seconds: number; quick: boolean },
): Promise<Findings> {
  const step = plan.quick ? plan.most / 2 : 1_000;
  const wanted = plan.quick ? step : WANTED;
  const tried: Played[] = [];
  for (
    let players = plan.quick ? step : 2_000;
    players <= plan.most;
    players += players < wanted ? 2 * step : step
  ) {
    tried.push(await tryPlayers(start, players, plan.seconds));
    if (!isClean(tried.at(-1) as Played)) break;
  }
  const best = tried.filter(isClean).at(-1)?.n ?? 0;
  const end = tried.at(-1) as Played;
  const limit = isClean(end)
    ? `no more than ${plan.most} were tried`
    : end.cli_util > LOAD_CORE_FULL
      ? `at ${end.n} the load generator's core was full`
      : `at ${end.n} the server's core had ${fixed(end.util * 100, 0)} %`;
  return {
    tables: [
      {
        title: "Players per core, one 1.1 Mbps stream over RTMP",
        rows: tried.map((played) => ({
          players: played.n,
          live: played.live,
          "us/player/s": fixed(played.us_per_player_s),
          core: `${fixed(played.util * 100, 0)} %`,
          "others had": `${fixed(othersShare(played) * 100, 0)} %`,
          "load core": `${fixed(played.cli_util * 100, 0)} %`,
          Gbps: fixed(played.mbps / 1_000),
          "p50 ms": fixed(played.p50),
          "p99 ms": fixed(played.p99),
          "stalls/lost/bad/back": `${played.stall1s}/${played.lost}/${played.bad}/${played.tsback}`,
        })),
      },
    ],
    verdicts: [
      {
        what: "players per core, 1.1 Mbps, without stall or loss",
        budget: `>= ${wanted}`,
        measured: `${best} (${limit})`,
        ok: best >= wanted,
      },
    ],
    raw: tried,
  };
}

async function tryPlayers(start: () => Promise<Server>, players: number, seconds: number): Promise<Played> {
  const server = await start();
  try {
    const publisher = await publish(server);
    const played = await play(server, { players, ramp: 500, settle: 5, window: seconds }).result();
    await publisher.stop();
    return played;
  } finally {
    await server.stop();
  }
}
