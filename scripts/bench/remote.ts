import { runBench } from "./lib/bench.ts";
import { publishMany, startFleet, type BenchFleet } from "./lib/fleet.ts";
import { connectPlayer, timePlay, type Answer } from "./lib/player.ts";
import { CASES, PUBLISHED, type Case, type Pace } from "./lib/remote-cases.ts";
import { fixed, quantile, type Row, type Verdict } from "./lib/report.ts";
import type { Server } from "./lib/servers.ts";

const ABOUT: Readonly<Record<string, string>> = {
  lookup: "a play on the wrong origin until it is answered by a 302 or a refusal, by fleet size",
  relay: "a play on the wrong origin until the first media through a new relay, by fleet size",
};

interface Measured {
  readonly one: Case;
  readonly origins: number;
  readonly outcomes: readonly string[];
  /** ms, one per play. */
  readonly times: readonly number[];
}

type Counts = Readonly<Record<Pace, number>>;

/**
 * The last round counts. A round at once is over in less time than V8 takes to compile what it runs: the first ones
 * are slower, and no origin has so many plays in its first minute.
 */
const ROUNDS: Readonly<Record<Pace, number>> = { "one by one": 1, "all at once": 5 };

async function measure(one: Case, names: readonly string[], wrong: readonly Server[]): Promise<Answer[]> {
  const connect = (_: string, index: number) =>
    connectPlayer(wrong[index % wrong.length] as Server, one.kind);
  if (one.pace === "all at once") {
    // At one origin whatever the fleet's size: over many processes, it would measure how they share two cores.
    const clients = await Promise.all(names.map(() => connectPlayer(wrong[0] as Server, one.kind)));
    return Promise.all(clients.map((client, index) => timePlay(client, names[index] as string, one.media)));
  }
  const answers: Answer[] = [];
  for (const [index, name] of names.entries())
    answers.push(await timePlay(await connect(name, index), name, one.media));
  return answers;
}

async function measureFleet(cases: readonly Case[], fleet: BenchFleet, counts: Counts): Promise<Measured[]> {
  const [owner, ...wrong] = fleet.origins as [Server, ...Server[]];
  const published = cases.filter(({ stream }) => stream === PUBLISHED);
  const streams = published.reduce((sum, { pace }) => sum + ROUNDS[pace] * counts[pace], 0);
  const publisher = await publishMany(owner, PUBLISHED, streams);
  const rows: Measured[] = [];
  const used = new Map<string, number>();
  for (const one of cases) {
    let answers: Answer[] = [];
    for (let round = 0; round < ROUNDS[one.pace]; round++) {
      const first = used.get(one.stream) ?? 0;
      used.set(one.stream, first + counts[one.pace]);
      const names = Array.from({ length: counts[one.pace] }, (_, index) => `${one.stream}${first + index}`);
      answers = await measure(one, names, wrong);
    }
    const time = ({ answeredMs, mediaMs }: Answer) =>
      (one.media ? mediaMs : answeredMs) ?? Number.POSITIVE_INFINITY;
    const outcomes = [...new Set(answers.map(({ outcome }) => outcome))];
    rows.push({ one, origins: fleet.origins.length, outcomes, times: answers.map(time) });
  }
  await publisher.stop();
  return rows;
}

const p50 = ({ times }: Measured) => quantile(times, 0.5);
const isOver = (row: Measured) => row.one.budgetMs !== undefined && !(p50(row) < row.one.budgetMs);

/** A row beside the same in the smallest fleet, and beside a refusal without a lookup. */
function rowOf(row: Measured, rows: readonly Measured[]): Row {
  const { one, origins, times } = row;
  const floor = rows.find((other) => other.origins === origins && other.one.pace === one.pace) as Measured;
  const small = rows.find((other) => other.one === one) as Measured;
  return {
    origins,
    what: `${one.what}, ${one.pace}`,
    plays: times.length,
    outcome: row.outcomes.join(","),
    "p50 ms": fixed(p50(row)),
    "p95 ms": fixed(quantile(times, 0.95)),
    "max ms": fixed(quantile(times, 1)),
    "x refused here": fixed(p50(row) / p50(floor)),
    "x smallest fleet": fixed(p50(row) / p50(small)),
    budget: one.budgetMs === undefined ? "" : `${one.budgetMs} ms${isOver(row) ? ": OVER" : ""}`,
  };
}

function verdictsOf(rows: readonly Measured[]): Verdict[] {
  return rows.flatMap((row) => {
    const { one, origins } = row;
    if (one.budgetMs === undefined) return [];
    const floor = rows.find((other) => other.origins === origins && other.one.pace === one.pace) as Measured;
    return {
      what: `${one.what}, ${one.pace}, ${origins} origins`,
      budget: `p50 < ${one.budgetMs} ms`,
      measured: `${fixed(p50(row))} ms`,
      ratio: `${fixed(p50(row) / p50(floor))} x a refusal without lookup`,
      ok: !isOver(row),
    };
  });
}

const name = process.argv[2] ?? "";
const cases = CASES[name];
if (!cases) throw new Error("usage: remote.ts lookup|relay");
await runBench(
  {
    name,
    about: ABOUT[name] ?? "",
    numbers: {
      plays: { usual: 100, quick: 10, help: "plays one by one" },
      "at-once": { usual: 200, quick: 20, help: "plays all at once" },
    },
    texts: { fleets: { usual: "2,20", help: "numbers of origins" } },
    async measure({ fleets = "", plays, "at-once": atOnce, quick }) {
      const rows: Measured[] = [];
      for (const size of quick ? [2] : fleets.split(",").map(Number)) {
        const fleet = await startFleet(size);
        try {
          rows.push(...(await measureFleet(cases, fleet, { "one by one": plays, "all at once": atOnce })));
        } finally {
          await fleet.stop();
        }
      }
      return {
        tables: [{ title: "A play on the wrong origin", rows: rows.map((row) => rowOf(row, rows)) }],
        verdicts: verdictsOf(rows),
        raw: rows,
      };
    },
  },
  process.argv.slice(3),
);
