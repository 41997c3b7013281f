import { parseArgs } from "node:util";
import { publishMany, startFleet, type BenchFleet } from "./lib/fleet.ts";
import { connectPlayer, timePlay, type Answer } from "./lib/player.ts";
import { CASES, PUBLISHED, type Case } from "./lib/remote-cases.ts";
import { fixed, printTable, quantile } from "./lib/report.ts";
import type { Server } from "./lib/servers.ts";

const USAGE = `usage: scripts/bench/lookup|relay [--fleets 2,20] [--plays 100] [--at-once 200] [--check]
  lookup   a play on the wrong origin until it is answered by a 302 or a refusal
  relay    a play on the wrong origin until the first media through a new relay
  --check  exit with 1 when a p50 is above its budget
`;

interface Row {
  readonly one: Case;
  readonly origins: number;
  readonly outcomes: readonly string[];
  /** ms, one per play. */
  readonly times: readonly number[];
}

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fleets: { type: "string", default: "2,20" },
    plays: { type: "string", default: "100" },
    "at-once": { type: "string", default: "200" },
    check: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
const counts = { "one by one": Number(flags.plays), "all at once": Number(flags["at-once"]) };

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

async function measureFleet(cases: readonly Case[], fleet: BenchFleet): Promise<Row[]> {
  const [owner, ...wrong] = fleet.origins as [Server, ...Server[]];
  const published = cases.filter(({ stream }) => stream === PUBLISHED);
  const streams = published.reduce((sum, { pace }) => sum + counts[pace], 0);
  const publisher = await publishMany(owner, PUBLISHED, streams);
  const rows: Row[] = [];
  const used = new Map<string, number>();
  for (const one of cases) {
    const first = used.get(one.stream) ?? 0;
    used.set(one.stream, first + counts[one.pace]);
    const names = Array.from({ length: counts[one.pace] }, (_, index) => `${one.stream}${first + index}`);
    const answers = await measure(one, names, wrong);
    const time = ({ answeredMs, mediaMs }: Answer) =>
      (one.media ? mediaMs : answeredMs) ?? Number.POSITIVE_INFINITY;
    const outcomes = [...new Set(answers.map(({ outcome }) => outcome))];
    rows.push({ one, origins: fleet.origins.length, outcomes, times: answers.map(time) });
  }
  await publisher.stop();
  return rows;
}

const p50 = ({ times }: Row) => quantile(times, 0.5);
const isOver = (row: Row) => row.one.budgetMs !== undefined && !(p50(row) < row.one.budgetMs);

/** A row beside the same in the smallest fleet, and beside a refusal without a lookup. */
function format(row: Row, rows: readonly Row[]): Record<string, string | number> {
  const { one, origins, times } = row;
  const floor = rows.find((other) => other.origins === origins && other.one.pace === one.pace) as Row;
  const small = rows.find((other) => other.one === one) as Row;
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

async function main(): Promise<void> {
  const cases = CASES[positionals[0] ?? ""];
  if (flags.help || !cases) {
    process.stdout.write(USAGE);
    process.exitCode = flags.help ? 0 : 2;
    return;
  }
  const rows: Row[] = [];
  for (const size of flags.fleets.split(",").map(Number)) {
    const fleet = await startFleet(size);
    try {
      rows.push(...(await measureFleet(cases, fleet)));
    } finally {
      await fleet.stop();
    }
  }
  printTable(
    "A play on the wrong origin",
    rows.map((row) => format(row, rows)),
  );
  if (flags.check && rows.some(isOver)) process.exitCode = 1;
}

await main();
