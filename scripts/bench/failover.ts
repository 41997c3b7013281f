import { runBench } from "./lib/bench.ts";
import { overlaps, pullsOf, type Pull } from "./lib/failover-log.ts";
import { FailoverWorld, type WorldPlan } from "./lib/failover-world.ts";
import { fixed, quantile, type Row, type Verdict } from "./lib/report.ts";
import { sleep } from "./lib/tools.ts";

/** What happens to an origin. `kill`: SIGKILL. `cut`: its network is gone, and nobody is told. */
type Way = "kill" | "cut";

interface Round {
  readonly way: Way;
  readonly victim: string;
  /** ms since 1970: from here on the victim brings nothing. */
  readonly at: number;
  /** Per ingest that it had: ms until another origin brought it. */
  readonly gaps: readonly number[];
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Ingests of other origins that changed their owner. */
  readonly needless: number;
}

interface Measured {
  readonly rounds: readonly Round[];
  readonly overlaps: readonly [Pull, Pull][];
  readonly pulls: number;
  /** s until everything was live at first. */
  readonly placedIn: number;
}

const WAYS: readonly Way[] = ["kill", "cut"];
const TTL_MS = 5_000;
const MOST_MS = { kill: 1_500, cut: TTL_MS + 1_500 } as const;
/** The budget is for so many ingests; more wait for their turn at the sources (`ingest.startsPerSecond`). */
const BUDGET_INGESTS = 100;

async function play(plan: WorldPlan, ways: readonly Way[], rounds: number): Promise<Measured> {
  const world = new FailoverWorld(plan);
  const done: Round[] = [];
  const cuts: { readonly from: number; readonly streams: ReadonlySet<string> }[] = [];
  try {
    const began = performance.now();
    await world.open();
    const placedIn = (performance.now() - began) / 1_000;
    for (let number = 0; number < rounds; number++)
      for (const way of ways) {
        // The cable leads to the first one.
        const victim = way === "cut" ? "o1" : `o${2 + (number % (plan.origins - 1))}`;
        const before = await world.settled();
        const had = new Set(before.filter(({ owner }) => owner === victim).map(({ stream }) => stream));
        if (world.lockNodes > 0) world.killLockNode(number % 3);
        const names = world.names();
        const others = names.filter((name) => name !== victim);
        const at = way === "kill" ? world.kill(victim) : cut(world);
        if (way === "cut") cuts.push({ from: at, streams: had });
        const after = await world.allLive(others);
        done.push({
          ...{ way, victim, at, gaps: gapsOf(world, had, at) },
          before: countsOf(before, names),
          after: countsOf(after, others),
          needless: moved(before, after, had),
        });
        if (world.lockNodes > 0) {
          // No master may come back empty before all it had granted is over.
          await sleep(2 * TTL_MS);
          await world.replaceLockNode(number % 3);
        }
        if (way === "cut") world.island.mend();
        else await world.start(victim);
      }
    await world.settled();
    await world.endFleet();
    const pulls = pullsOf(world.sourceLog);
    const released = new Map<string, number[]>();
    for (const { stream, at } of [
      ...world.log.said("ingest lease lost"),
      ...world.log.said("ingest released"),
    ])
      released.set(stream, [...(released.get(stream) ?? []), at]);
    // A source does not see that a puller behind a cut cable is gone; the puller says when it let go.
    const letGo = (pull: Pull) => {
      const behind = cuts.some(
        ({ from, streams }) => streams.has(pull.stream) && pull.from < from && from < pull.to,
      );
      const own = behind
        ? (released.get(pull.stream) ?? []).filter((at) => at > pull.from && at < pull.to)
        : [];
      return Math.min(pull.to, ...own);
    };
    return { rounds: done, overlaps: overlaps(pulls, letGo), pulls: pulls.length, placedIn };
  } finally {
    await world.close();
  }
}

function cut(world: FailoverWorld): number {
  world.island.cut();
  return Date.now();
}

function gapsOf(world: FailoverWorld, streams: ReadonlySet<string>, since: number): number[] {
  const first = new Map<string, number>();
  for (const { stream, at } of world.log.said("ingest live", since))
    if (streams.has(stream) && !first.has(stream)) first.set(stream, at);
  return [...first.values()].map((at) => at - since);
}

function countsOf(all: readonly { owner: string }[], names: readonly string[]): number[] {
  return names.map((name) => all.filter(({ owner }) => owner === name).length);
}

function moved(
  before: readonly { stream: string; owner: string }[],
  after: readonly { stream: string; owner: string }[],
  expected: ReadonlySet<string>,
): number {
  const owners = new Map(before.map(({ stream, owner }) => [stream, owner]));
  return after.filter(({ stream, owner }) => !expected.has(stream) && owners.get(stream) !== owner).length;
}

function rowOf({ way, victim, gaps, before, after, needless }: Round): Row {
  return {
    what: `${way} ${victim}`,
    "ingests moved": gaps.length,
    "p50 s": fixed(quantile(gaps, 0.5) / 1_000, 2),
    "p95 s": fixed(quantile(gaps, 0.95) / 1_000, 2),
    "max s": fixed(Math.max(...gaps) / 1_000, 2),
    "counts before": before.join(" "),
    "and after": after.join(" "),
    "moves that were not needed": needless,
  };
}

function verdictsOf({ rounds, overlaps: found, pulls }: Measured, plan: WorldPlan): Verdict[] {
  const ofWay = (way: Way) => rounds.filter((round) => round.way === way).flatMap(({ gaps }) => gaps);
  const times = WAYS.filter((way) => ofWay(way).length > 0).map((way): Verdict => {
    const p95 = quantile(ofWay(way), 0.95);
    return {
      what: `${way}: p95 of the time without media, ${plan.ingests} ingests`,
      budget: plan.ingests > BUDGET_INGESTS ? "none for so many" : `< ${fixed(MOST_MS[way] / 1_000)} s`,
      measured: `${fixed(p95 / 1_000, 2)} s`,
      ok: plan.ingests > BUDGET_INGESTS || p95 < MOST_MS[way],
    };
  });
  const even = rounds.every(({ after }) => Math.max(...after) - Math.min(...after) <= 1);
  const needless = rounds.reduce((sum, round) => sum + round.needless, 0);
  const lost = rounds.some(({ before, gaps, after }) => sum(before) !== sum(after) || gaps.length === 0);
  return [
    ...times,
    {
      what: "pulls of one source at the same time, by the source's own log",
      budget: "0",
      measured: `${found.length} of ${pulls} pulls`,
      ok: found.length === 0,
    },
    { what: "counts differ by", budget: "<= 1", measured: even ? "<= 1" : "more", ok: even },
    { what: "moves that were not needed", budget: "0", measured: String(needless), ok: needless === 0 },
    { what: "ingests lost", budget: "none", measured: lost ? "some" : "none", ok: !lost },
  ];
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0);

await runBench({
  name: "failover",
  about: "an origin dies or is cut off: how long its ingests bring nothing",
  numbers: {
    ingests: { usual: 100, quick: 10, help: "sources, pulled by the whole fleet" },
    origins: { usual: 5, quick: 3, help: "origins of the fleet" },
    rounds: { usual: 2, quick: 1, help: "repeat everything" },
  },
  texts: { ways: { usual: "kill,cut", help: "what happens: kill (SIGKILL), cut (its network is gone)" } },
  switches: {
    "lock-nodes":
      "leases on three masters; with each failure one of them is killed, and replaced empty later",
  },
  async measure(flags) {
    const ways = WAYS.filter((way) => (flags.ways ?? "").split(",").includes(way));
    const plan = { origins: flags.origins, ingests: flags.ingests, lockNodes: flags["lock-nodes"] };
    const measured = await play(plan, ways, flags.rounds);
    const where = plan.lockNodes ? "leases on three masters, one of them dead" : "one Redis";
    return {
      tables: [
        {
          title: `${plan.ingests} ingests on ${plan.origins} origins, ${where}; placed within ${fixed(measured.placedIn)} s`,
          rows: measured.rounds.map(rowOf),
        },
      ],
      verdicts: verdictsOf(measured, plan),
      raw: measured,
    };
  },
});
