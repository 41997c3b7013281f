import { pino, type Logger } from "pino";
import { configSchema, type Config, type ConfigInput } from "../../src/config/schema.ts";
import { createRtmpServer, type RtmpServer } from "../../src/media/rtmp/server.ts";
import { systemClock } from "../../src/ops/clock.ts";
import { FakeGates } from "./fake-gates.ts";

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

/** An RTMP server on a free port of 127.0.0.1, its gates, and what it logged. */
export interface TestRtmp {
  readonly config: Config;
  readonly gates: FakeGates;
  readonly server: RtmpServer;
  readonly address: string;
  readonly lines: readonly LogLine[];
  /** The "session ended" lines. */
  ends(): LogLine[];
}

/** A logger that keeps its lines, and the lines. */
export function memoryLog(): { readonly log: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const log = pino(
    { level: "debug" },
    { write: (line: string) => void lines.push(JSON.parse(line) as LogLine) },
  );
  return { log, lines };
}

/** Start it. A section of `config` replaces single settings. */
export async function startRtmp(
  config: ConfigInput = {},
  gatesOf: (config: Config, log: Logger) => FakeGates = () => new FakeGates(),
): Promise<TestRtmp & { stop(): Promise<void> }> {
  const settings = configSchema.parse({
    bind: "127.0.0.1",
    ...config,
    rtmp: { port: 0, ...config.rtmp },
  });
  const { log, lines } = memoryLog();
  const gates = gatesOf(settings, log);
  const server = createRtmpServer({ config: settings, publish: gates, play: gates, log, clock: systemClock });
  await server.listen();
  return {
    config: settings,
    gates,
    server,
    address: server.address,
    lines,
    ends: () => lines.filter(({ msg }) => msg === "session ended"),
    stop: () => server.stop(),
  };
}
