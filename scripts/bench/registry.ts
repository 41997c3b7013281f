import { runBench } from "./lib/bench.ts";
import { publishMany, startFleet } from "./lib/fleet.ts";
import { fixed, type Row } from "./lib/report.ts";
import { run, sleep } from "./lib/tools.ts";

interface Measured {
  readonly origins: number;
  readonly streams: number;
  /** Commands a second, by name. */
  readonly rates: ReadonlyMap<string, number>;
}

const MOST_PER_SECOND = 5;
/** Claims, elections and first looks are over by then. */
const SETTLE_MS = 6_000;

async function measure(origins: number, streams: number, seconds: number): Promise<Measured> {
  const fleet = await startFleet(origins);
  try {
    const [first] = fleet.origins;
    const publisher = first && streams > 0 ? await publishMany(first, "b", streams) : undefined;
    await sleep(SETTLE_MS);
    const rates = await watchCommands(fleet.redisUrl, seconds);
    await publisher?.stop();
    return { origins, streams, rates };
  } finally {
    await fleet.stop();
  }
}

/** What clients send, by Redis' own MONITOR: commands inside scripts are not sent. */
async function watchCommands(url: string, seconds: number): Promise<Map<string, number>> {
  const monitor = run("redis-cli", ["-u", url, "MONITOR"]);
  let text = "";
  monitor.process.stdout?.setEncoding("utf8").on("data", (part: string) => (text += part));
  await sleep(1_000);
  text = "";
  await sleep(seconds * 1_000);
  const lines = text.split("\n");
  await monitor.stop();
  const counts = new Map<string, number>();
  for (const line of lines) {
    const command = /^[\d.]+ \[\d+ (?!lua)[^\]]+\] "(\w+)"/.exec(line)?.[1]?.toLowerCase();
    if (command !== undefined) counts.set(command, (counts.get(command) ?? 0) + 1);
  }
  return new Map([...counts].map(([name, count]) => [name, count / seconds]));
}

const perOrigin = ({ rates, origins }: Measured) =>
  [...rates.values()].reduce((sum, rate) => sum + rate, 0) / origins;

function rowOf(one: Measured): Row {
  return {
    origins: one.origins,
    "streams published to the first": one.streams,
    "commands per origin and second": fixed(perOrigin(one)),
    "of all, by name": [...one.rates].map(([name, rate]) => `${name} ${fixed(rate)}`).join(", "),
  };
}

await runBench({
  name: "registry",
  about: "commands that origins send to Redis, with and without streams",
  numbers: {
    streams: { usual: 1_000, quick: 20, help: "published to one origin" },
    seconds: { usual: 20, quick: 5, help: "length of each measurement" },
  },
  async measure({ streams, seconds }) {
    const alone = await measure(1, streams, seconds);
    const all = [await measure(1, 0, seconds), alone, await measure(3, streams, seconds)];
    return {
      tables: [{ title: "Registry traffic", rows: all.map(rowOf) }],
      verdicts: [
        {
          what: `registry traffic of an origin with ${streams} published streams`,
          budget: `<= ${MOST_PER_SECOND} commands a second`,
          measured: fixed(perOrigin(alone)),
          ok: perOrigin(alone) <= MOST_PER_SECOND,
        },
      ],
    };
  },
});
