import { loadConfig } from "../../src/config/load.ts";
import { runBench } from "./lib/bench.ts";
import { GARBAGE_MB } from "./lib/memory-cases.ts";
import { IDLE_STATES, kbPerConnection, measureIdle, type Idle, type IdleState } from "./lib/idle.ts";
import { fixed, type Row, type Verdict } from "./lib/report.ts";
import { contenders } from "./lib/servers.ts";
import { SERVER_CORE } from "./lib/tools.ts";

const MOST_KB = 60;
/** On one server: what was not given back would add up. */
const WAVES = 4;
/** A time-out may be so late: its timer waits for the core like everything else. */
const LATE_MS = 3_000;
const { handshakeTimeout, connectTimeout, commandTimeout } = loadConfig({ env: process.env }).config.limits;

const WORDS: Readonly<Record<IdleState, string>> = {
  tcp: "TCP only",
  handshake: "after the handshake",
  connect: "after connect",
};
/** ms from accept to the end. */
const TIME_OUT: Readonly<Record<IdleState, number>> = {
  tcp: handshakeTimeout,
  handshake: connectTimeout,
  connect: commandTimeout,
};

function rowOf(one: Idle): Row {
  const { seen, count } = one;
  return {
    server: one.server,
    state: WORDS[one.state],
    open: one.open,
    "RSS before, MB": fixed(one.before, 0),
    "at most": fixed(one.peak, 0),
    "KB each": fixed(kbPerConnection(one)),
    "CPU us each": fixed((one.cpu * 1e6) / count, 0),
    closed: `${seen.closed} of ${count}`,
    "after s":
      seen.closed === 0 ? "-" : `${fixed(seen.first_end_ms / 1_000)} to ${fixed(seen.last_end_ms / 1_000)}`,
    "RSS after, MB": fixed(one.after, 0),
  };
}

function verdictsOf(waves: readonly Idle[], again: readonly Idle[]): Verdict[] {
  const memory = waves.map((one): Verdict => {
    const kb = kbPerConnection(one);
    return {
      what: `memory of an idle connection, ${WORDS[one.state]}, ${one.count} open`,
      budget: `<= ${MOST_KB} KB`,
      measured: `${fixed(kb)} KB (${one.open} open)`,
      ok: kb <= MOST_KB && one.open === one.count,
    };
  });
  const closed = waves.map((one): Verdict => {
    const { seen, state, count } = one;
    const inTime =
      seen.first_end_ms >= TIME_OUT[state] - 100 && seen.last_end_ms <= TIME_OUT[state] + LATE_MS;
    return {
      what: `closed by its time-out, ${WORDS[state]}`,
      budget: `${count} after ${TIME_OUT[state] / 1_000} s`,
      measured: `${seen.closed} after ${fixed(seen.first_end_ms / 1_000)} to ${fixed(seen.last_end_ms / 1_000)} s`,
      ok: seen.closed === count && inTime,
    };
  });
  // A runtime keeps some of what it freed, and collects nothing at first (decision 30): that must be all that is left.
  const returned = again.map((last, index): Verdict => {
    const first = waves[index] as Idle;
    const growth = last.peak - first.peak;
    const allowed = (first.peak - first.before) / 4 + GARBAGE_MB;
    return {
      what: `memory given back, ${WORDS[first.state]}: wave ${WAVES} needs no more than the first`,
      budget: `<= ${fixed(allowed, 0)} MB more`,
      measured: `${fixed(growth, 0)} MB more`,
      ok: growth <= allowed,
    };
  });
  return [...memory, ...closed, ...returned];
}

await runBench({
  name: "idle",
  about:
    "memory of connections that do nothing, and when they are closed, beside nginx-rtmp and node-media-server",
  numbers: {
    connections: { usual: 5_000, quick: 200, help: "open at the same time" },
    ramp: { usual: 2_500, quick: 1_000, help: "connections opened per second" },
    patience: { usual: 25, quick: 18, help: "seconds to wait for a server to close them" },
  },
  async measure({ connections, ramp, patience }) {
    const plan = { ramp, patienceMs: patience * 1_000 };
    const all: Idle[] = [];
    for (const start of contenders(SERVER_CORE)) {
      for (const state of IDLE_STATES) {
        // A new server each time: memory that one wave left behind would hide what the next one takes.
        const server = await start();
        try {
          const waves = server.name === "holdfast" ? WAVES : 1;
          for (let wave = 0; wave < waves; wave++)
            all.push(await measureIdle(server, state, connections, plan));
        } finally {
          await server.stop();
        }
      }
    }
    const ours = all.filter(({ server }) => server === "holdfast");
    const wave = (number: number) => ours.filter((_, index) => index % WAVES === number);
    return {
      tables: [{ title: "Idle connections, server on one core", rows: all.map(rowOf) }],
      verdicts: verdictsOf(wave(0), wave(WAVES - 1)),
      raw: all,
    };
  },
});
