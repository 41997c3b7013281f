import { loadConfig } from "../../src/config/load.ts";
import { runBench } from "./lib/bench.ts";
import { GARBAGE_MB, memoryCases, type Grown, type MemoryCase } from "./lib/memory-cases.ts";
import { fixed, type Row, type Verdict } from "./lib/report.ts";
import { startOrigin } from "./lib/servers.ts";
import { SERVER_CORE } from "./lib/tools.ts";

interface Measured extends Omit<MemoryCase, "run"> {
  /** The same again and again on one server: what was not given back would add up. */
  readonly rounds: readonly Grown[];
  readonly alive: boolean;
}

const first = ({ rounds }: Measured) => rounds[0] as Grown;
const peak = ({ rounds }: Measured) => Math.max(...rounds.map((round) => round.peak));
const grew = (one: Measured) => peak(one) - first(one).before;

function rowOf(one: Measured): Row {
  const all = (pick: (round: Grown) => number) =>
    one.rounds.map((round) => fixed(pick(round), 0)).join(", then ");
  const { seen } = first(one);
  return {
    case: one.what,
    "RSS before, MB": fixed(first(one).before, 0),
    "at most": all((round) => round.peak),
    after: all((round) => round.after),
    "grew by": fixed(grew(one), 0),
    bound: fixed(one.bound, 0),
    "bound from": one.because,
    "closed by the server": seen ? `${seen.closed} of ${seen.opened}` : "",
  };
}

function verdictsOf(one: Measured): Verdict[] {
  const { what, bound, closes, rounds } = one;
  const bounded: Verdict = {
    what: `memory: ${what}`,
    budget: `<= ${fixed(bound, 0)} MB`,
    measured: one.alive ? `${fixed(grew(one), 0)} MB in ${rounds.length} rounds` : "the origin ended",
    ok: one.alive && grew(one) <= bound,
  };
  const seen = rounds.flatMap((round) => round.seen ?? []);
  if (closes === undefined) return [bounded];
  const latest = Math.max(...seen.map(({ last_end_ms }) => last_end_ms));
  const closed: Verdict = {
    what: `closed: ${what}`,
    budget: `all ${closes}`,
    measured: `${seen.map(({ closed }) => closed).join(", then ")}, after ${fixed(latest / 1_000)} s at most`,
    ok: seen.length === rounds.length && seen.every(({ closed }) => closed === closes),
  };
  return [bounded, closed];
}

await runBench({
  name: "memory",
  about:
    "what clients can make an origin hold, beside what the settings promise; ends with 1 when a bound is broken",
  strict: true,
  numbers: {
    idle: { usual: 5_000, quick: 200, help: "idle connections" },
    stuck: { usual: 200, quick: 20, help: "readers that never read" },
    half: { usual: 60, quick: 6, help: "publishers with a message of 16 MB that never ends" },
    rounds: { usual: 2, quick: 1, help: "the same so many times on one server" },
    "gop-minutes": { usual: 10, quick: 1, help: "length of the group" },
  },
  texts: { only: { help: "cases whose name has this word" } },
  async measure(flags) {
    const { config } = loadConfig({ env: process.env });
    const plan = { ...flags, gopMinutes: flags["gop-minutes"] };
    const cases = memoryCases(config, plan).filter(({ what }) => what.includes(flags.only ?? ""));
    const all: Measured[] = [];
    for (const { run, ...one } of cases) {
      const server = await startOrigin({ name: "holdfast", core: SERVER_CORE });
      try {
        const rounds: Grown[] = [];
        while (rounds.length < flags.rounds) rounds.push(await run(server));
        all.push({ ...one, rounds, alive: server.alive });
      } finally {
        await server.stop();
      }
    }
    return {
      tables: [
        {
          title: `Memory of an origin (bounds include ${GARBAGE_MB} MB not yet collected)`,
          rows: all.map(rowOf),
        },
      ],
      verdicts: all.flatMap(verdictsOf),
      raw: all,
    };
  },
});
