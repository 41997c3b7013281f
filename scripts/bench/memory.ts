import { loadConfig } from "../../src/config/load.ts";
import { runBench } from "./lib/bench.ts";
import { GARBAGE_MB, memoryCases, type Grown, type MemoryCase } from "./lib/memory-cases.ts";
import { fixed, type Row, type Verdict } from "./lib/report.ts";
import { startOrigin } from "./lib/servers.ts";
import { SERVER_CORE } from "./lib/tools.ts";

type Measured = Omit<MemoryCase, "run"> & Grown & { readonly alive: boolean };

function rowOf(one: Measured): Row {
  return {
    case: one.what,
    "RSS before, MB": fixed(one.before, 0),
    "at most": fixed(one.peak, 0),
    after: fixed(one.after, 0),
    "grew by": fixed(one.peak - one.before, 0),
    bound: fixed(one.bound, 0),
    "bound from": one.because,
    "closed by the server": one.seen ? `${one.seen.closed} of ${one.seen.opened}` : "",
  };
}

function verdictsOf(one: Measured): Verdict[] {
  const { what, bound, seen, closes } = one;
  const grew = one.peak - one.before;
  const bounded: Verdict = {
    what: `memory: ${what}`,
    budget: `<= ${fixed(bound, 0)} MB`,
    measured: one.alive ? `${fixed(grew, 0)} MB` : "the origin ended",
    ok: one.alive && grew <= bound,
  };
  if (closes === undefined || !seen) return [bounded];
  const closed: Verdict = {
    what: `closed: ${what}`,
    budget: `all ${closes}`,
    measured: `${seen.closed}, after ${fixed(seen.first_end_ms / 1_000)} to ${fixed(seen.last_end_ms / 1_000)} s`,
    ok: seen.closed === closes,
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
    "gop-minutes": { usual: 10, quick: 1, help: "length of the group" },
  },
  texts: { only: { help: "cases whose name has this word" } },
  async measure(flags) {
    const { config } = loadConfig({ env: {} });
    const plan = { ...flags, gopMinutes: flags["gop-minutes"] };
    const cases = memoryCases(config, plan).filter(({ what }) => what.includes(flags.only ?? ""));
    const all: Measured[] = [];
    for (const { run, ...one } of cases) {
      const server = await startOrigin({ name: "holdfast", core: SERVER_CORE });
      try {
        const grown = await run(server);
        all.push({ ...one, ...grown, alive: server.alive });
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
