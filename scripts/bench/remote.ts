import { parseArgs } from "node:util";
import { publishMany, startFleet, type BenchFleet } from "./lib/fleet.ts";
import { connectPlayer, timePlay, type Answer, type PlayerKind } from "./lib/player.ts";
import { fixed, printTable, quantile } from "./lib/report.ts";
import type { Server } from "./lib/servers.ts";

const USAGE = `usage: scripts/bench/lookup|relay [--fleets 2,20] [--plays 100] [--at-once 200]
  lookup  a play on the wrong origin until it is answered by a 302 or a refusal
  relay   a play on the wrong origin until the first media through a new relay
`;

interface Case {
  readonly what: string;
  readonly kind: PlayerKind;
  /** Prefix of the stream names; those of an unknown stream are published nowhere. */
  readonly stream: string;
  readonly first: number;
  readonly count: number;
  readonly atOnce: boolean;
  readonly media: boolean;
  readonly budget: string;
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fleets: { type: "string", default: "2,20" },
    plays: { type: "string", default: "100" },
    "at-once": { type: "string", default: "200" },
    help: { type: "boolean", short: "h", default: false },
  },
});
const plays = Number(flags.plays);
const atOnce = Number(flags["at-once"]);

/** Every play asks for another stream: no answer comes from a cache, no relay runs already. */
const CASES: Readonly<Record<string, readonly Case[]>> = {
  lookup: [
    {
      what: "302, one by one",
      kind: "srs-edge",
      stream: "b",
      first: 0,
      count: plays,
      atOnce: false,
      media: false,
      budget: "p50 < 3 ms",
    },
    {
      what: "302, all at once",
      kind: "srs-edge",
      stream: "b",
      first: plays,
      count: atOnce,
      atOnce: true,
      media: false,
      budget: "p50 < 60 ms",
    },
    {
      what: "unknown, one by one",
      kind: "player",
      stream: "no",
      first: 0,
      count: plays,
      atOnce: false,
      media: false,
      budget: "p50 < 3 ms",
    },
    {
      what: "unknown, all at once",
      kind: "player",
      stream: "no",
      first: plays,
      count: atOnce,
      atOnce: true,
      media: false,
      budget: "p50 < 60 ms",
    },
  ],
  relay: [
    {
      what: "new relay, one by one",
      kind: "player",
      stream: "b",
      first: 0,
      count: plays,
      atOnce: false,
      media: true,
      budget: "p50 < 60 ms",
    },
  ],
};

async function measure(one: Case, wrong: readonly Server[]): Promise<Answer[]> {
  const numbers = Array.from({ length: one.count }, (_, index) => one.first + index);
  const connect = (number: number) => connectPlayer(wrong[number % wrong.length] as Server, one.kind);
  if (one.atOnce) {
    const clients = await Promise.all(numbers.map(connect));
    return Promise.all(
      clients.map((client, index) => timePlay(client, `${one.stream}${numbers[index]}`, one.media)),
    );
  }
  const answers: Answer[] = [];
  for (const number of numbers)
    answers.push(await timePlay(await connect(number), `${one.stream}${number}`, one.media));
  return answers;
}

async function measureFleet(
  cases: readonly Case[],
  fleet: BenchFleet,
): Promise<Record<string, string | number>[]> {
  const [owner, ...wrong] = fleet.origins as [Server, ...Server[]];
  const published = Math.max(
    ...cases.filter(({ stream }) => stream === "b").map(({ first, count }) => first + count),
  );
  const publisher = await publishMany(owner, "b", published);
  const rows: Record<string, string | number>[] = [];
  for (const one of cases) {
    const answers = await measure(one, wrong);
    const times = answers.map(
      (answer) => (one.media ? answer.mediaMs : answer.answeredMs) ?? Number.POSITIVE_INFINITY,
    );
    rows.push({
      origins: fleet.origins.length,
      what: one.what,
      plays: answers.length,
      outcome: [...new Set(answers.map(({ outcome }) => outcome))].join(","),
      "p50 ms": fixed(quantile(times, 0.5)),
      "p95 ms": fixed(quantile(times, 0.95)),
      "max ms": fixed(quantile(times, 1)),
      budget: one.budget,
    });
  }
  await publisher.stop();
  return rows;
}

async function main(): Promise<void> {
  const cases = CASES[positionals[0] ?? ""];
  if (flags.help || !cases) {
    process.stdout.write(USAGE);
    process.exitCode = flags.help ? 0 : 2;
    return;
  }
  const rows: Record<string, string | number>[] = [];
  for (const size of flags.fleets.split(",").map(Number)) {
    const fleet = await startFleet(size);
    try {
      rows.push(...(await measureFleet(cases, fleet)));
    } finally {
      await fleet.stop();
    }
  }
  printTable("A play on the wrong origin", rows);
}

await main();
