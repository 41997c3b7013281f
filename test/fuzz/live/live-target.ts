import { configSchema, type ConfigInput } from "../../../src/config/schema.ts";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { createOrigin } from "../../../src/origin.ts";
import { waitFor } from "../../support/wait.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { regressions } from "../seeds.ts";
import { AMF_WORDS } from "../targets/amf-arbitraries.ts";
import { recordingLog } from "../targets/recording-log.ts";
import { HealthyPair } from "./healthy-pair.ts";
import { runClient } from "./live-client.ts";
import { readScripts } from "./script.ts";
import { seedBatches, sessionBatch } from "./session-batches.ts";

const HEALTHY = "live/cam";
const PASSWORD = "only-the-healthy-publisher";
const PATIENCE_MS = 60_000;
const MOST_TRIES = 20;
/** What an idle origin is asked for. */
const QUIET: Readonly<Record<string, number>> = {
  holdfast_half_received_bytes: 0,
  'holdfast_sessions{protocol="rtmp",role="none"}': 0,
  holdfast_fanout_players: 1,
};

/**
 * Clients on real sockets of a whole origin, several at a time, while a healthy publisher and its player go on. After
 * each batch nothing may be left of it: no connection, no stream, no memory; and each RTMP connection has left its line.
 */
export async function liveTarget(name: string, settings: ConfigInput): Promise<FuzzTarget> {
  const config = configSchema.parse({
    name: "o1",
    bind: "127.0.0.1",
    rtmp: { port: 0 },
    http: { port: 0 },
    api: { port: 0 },
    continuity: { hold: "0s" },
    limits: {
      ...{
        handshakeTimeout: "400ms",
        connectTimeout: "600ms",
        commandTimeout: "800ms",
        publisherTimeout: "60s",
      },
      ...{ connectsPerSecond: 100_000 },
    },
    ...settings,
  });
  const { log, lines } = recordingLog();
  const origin = createOrigin(config, {
    log,
    authorise: {
      publish: ({ key, query }) =>
        key === HEALTHY && query !== PASSWORD
          ? Promise.reject(new HoldfastError("PUBLISH_UNAUTHORISED"))
          : Promise.resolve(),
    },
  });
  await origin.start();
  const { rtmp, http, api } = origin.addresses;
  const pair = await startPair(rtmp);
  let sessions = 0;

  async function run(input: Buffer): Promise<void> {
    lines.length = 0;
    const scripts = readScripts(input);
    const stood = await Promise.all(
      scripts.map(
        async (script) =>
          (await runClient(script.port === "rtmp" ? rtmp : http, script)) && script.port === "rtmp",
      ),
    );
    sessions += scripts.length;
    const wanted = stood.filter(Boolean).length;
    const ended = () =>
      lines.filter(({ text, fields }) => text === "session ended" && fields["protocol"] === "rtmp").length;
    await waitUntil(() => ended() >= wanted, `${wanted} lines of RTMP sessions`);
    await waitUntil(
      () => origin.streams().every(({ stream }) => stream === HEALTHY),
      "the end of all streams",
    );
    must(ended() === wanted, `${ended()} lines for ${wanted} RTMP connections`);
    checkLog();
    await pair.check();
  }

  function checkLog(): void {
    const fault = lines.find(({ level }) => level === "error" || level === "fatal");
    must(
      fault === undefined,
      `logged: ${fault?.text}: ${String((fault?.fields["err"] as Error | undefined)?.stack)}`,
    );
  }

  async function waitUntil(probe: () => boolean, what: string): Promise<void> {
    try {
      await waitFor(probe, { within: PATIENCE_MS, what });
    } catch {
      const left = origin.streams().map(({ stream }) => stream);
      must(false, `${what} did not come; ${left.join(", ")}`);
    }
  }

  /** Once at the end: nothing is left of thousands of clients but what idle connections take. */
  async function close(): Promise<void> {
    const numbers = async (): Promise<Map<string, number>> => {
      const text = await (await fetch(`http://${api}/metrics`)).text();
      return new Map(
        [...text.matchAll(/^(\w+(?:\{.*\})?) (\S+)$/gm)].map(([, key = "", value]) => [key, Number(value)]),
      );
    };
    let now = await numbers();
    const isQuiet = async (): Promise<boolean> => {
      now = await numbers();
      return (
        Object.entries(QUIET).every(([key, value]) => (now.get(key) ?? 0) === value) &&
        connections(now, "rtmp") === 2
      );
    };
    await waitFor(isQuiet, { within: PATIENCE_MS }).catch(() => {
      throw new Error(
        `the origin is not quiet: ${JSON.stringify([...now].filter(([key]) => /session|conn|half|players|chan/.test(key)))}`,
      );
    });
    must(pair.received > 0, "the healthy player got nothing");
    pair.stop();
    await waitFor(() => origin.streams().length === 0, {
      within: PATIENCE_MS,
      what: "the end of the healthy stream",
    });
    await origin.stop();
    checkLog();
  }

  return {
    name,
    codes: [],
    structure: sessionBatch,
    seeds: [...seedBatches, ...regressions(name)],
    words: [...AMF_WORDS, "\0\0\0", "\x01"],
    mostBytes: 200_000,
    mostSteps: () => Infinity,
    mostMemory: (bytes) => ({ largest: (4 << 20) + 4 * bytes, total: Infinity }),
    noisy: true,
    tally: () => ({ sessions }),
    run,
    close,
  };
}

/** The time-outs are short: on a busy machine the pair itself may miss one. */
async function startPair(address: string): Promise<HealthyPair> {
  for (let tries = 1; ; tries++) {
    try {
      return await HealthyPair.start(address, `cam?${PASSWORD}`, "cam");
    } catch (error) {
      if (tries === MOST_TRIES) throw error;
    }
  }
}

function connections(now: ReadonlyMap<string, number>, port: string): number {
  return now.get(`holdfast_connections{port="${port}"}`) ?? -1;
}
