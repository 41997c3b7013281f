import { Command } from "commander";
import type { Logger } from "pino";
import { loadConfig } from "../config/load.ts";
import { maskUrl } from "../config/mask.ts";
import type { Config } from "../config/schema.ts";
import { HoldfastError } from "../domain/errors.ts";
import { createLogger } from "../ops/logger.ts";
import { STARTED } from "./fleet/origin-child.ts";
import { say } from "./output.ts";
import { onOrphaned, onStopSignal } from "./stop-signals.ts";
import { packageVersion } from "./version.ts";

interface ServeOptions {
  readonly config?: string;
  readonly name?: string;
  readonly bind?: string;
  readonly rtmpPort?: string;
  readonly httpPort?: string;
  readonly apiPort?: string;
  readonly redisUrl?: string;
  readonly advertiseRtmp?: string;
  readonly advertiseHttp?: string;
  readonly stopWithParent?: true;
}

const STOP_WITHIN_MS = 10_000;

/** `holdfast serve`: one origin, until a signal. */
export function serveCommand(): Command {
  const command = new Command("serve")
    .summary("run one origin")
    .description(
      "Run one origin. With redis.url it joins the fleet that has its registry there; without it runs alone.",
    )
    .option(
      "--config <file>",
      "settings file (or HOLDFAST_CONFIG); `holdfast config show` lists all settings",
    )
    .option("--name <name>", "name of this origin, unique in the fleet (the host name)")
    .option("--bind <address>", "address that the RTMP and HTTP ports listen on (0.0.0.0)")
    .option("--rtmp-port <n>", "RTMP port (1935)")
    .option("--http-port <n>", "HTTP-FLV, WS-FLV and health (8080)")
    .option("--api-port <n>", "API, on loopback unless there is a token (8090)")
    .option(
      "--redis-url <url>",
      "where the registry is: redis://, rediss://, redis-sentinel://, redis-cluster://",
    )
    .option("--advertise-rtmp <host:port>", "public RTMP address, told to SRS edges")
    .option("--advertise-http <host:port>", "public HTTP address, where HTTP-FLV players are redirected to")
    .addHelpText(
      "after",
      `
Every setting can be given by flag (those above), environment (HOLDFAST_REDIS__URL), file and default, in this order.
SIGTERM and Ctrl-C drain: encoders are moved to other origins of the fleet, players are kept until drain.deadline.
Without another origin it ends at once. A second signal ends at once, too.

Examples:
  holdfast serve
  holdfast serve --config /etc/holdfast.yml --name o1 --advertise-rtmp o1.example:1935
  HOLDFAST_CLUSTER__KEY=… holdfast serve --redis-url redis://redis:6379`,
    )
    .action(serve);
  // For `holdfast fleet`, which starts origins with an IPC channel.
  return command.addOption(command.createOption("--stop-with-parent").hideHelp());
}

async function serve(options: ServeOptions): Promise<void> {
  const { config, warnings } = loadConfig({
    file: options.config,
    env: process.env,
    flags: {
      name: options.name,
      bind: options.bind,
      "rtmp.port": options.rtmpPort,
      "http.port": options.httpPort,
      "api.port": options.apiPort,
      "redis.url": options.redisUrl,
      "advertise.rtmp": options.advertiseRtmp,
      "advertise.http": options.advertiseHttp,
    },
  });
  const version = packageVersion();
  const log = createLogger(config.log, { service: "holdfast", origin: config.name, version });
  process.on("uncaughtExceptionMonitor", (err) => log.fatal({ err }, "process failed"));
  for (const warning of warnings) log.warn({ warning }, "settings are doubtful");
  const stopAsked = onStopSignal();
  const orphaned = options.stopWithParent ? onOrphaned() : forever();

  // Only here: the other commands need none of it and should start quickly.
  const { createOrigin } = await import("../origin.ts");
  const origin = createOrigin(config, { log, version });
  // Stopping while it still waits for the registry rejects the start; the signal is what counts then.
  const started = origin.start().then(() => {
    sayStarted(config, origin.addresses, log);
    if (process.connected) process.send?.({ type: STARTED });
  });
  const failed = started.then(forever);

  const mustEnd = Promise.race([orphaned, origin.ended, failed]);
  const drained = origin.drained.then((how) => `drained: ${how}`);
  const signal = stopAsked.then(async (reason) => {
    log.info({ reason }, "stop asked for");
    await origin.drain({ final: true });
    return reason;
  });
  const end = await Promise.race([mustEnd, drained, signal]);
  log.info({ reason: typeof end === "string" ? end : end.code }, "origin stops");
  await within(STOP_WITHIN_MS, Promise.allSettled([origin.stop(), started]));
  if (process.connected) process.disconnect();
  if (end instanceof HoldfastError) throw end;
}

function forever(): Promise<never> {
  return new Promise(() => undefined);
}

/** One line that says where everything is: for people on a terminal, else for the log. */
function sayStarted(config: Config, addresses: Readonly<Record<string, string>>, log: Logger): void {
  const { url } = config.redis;
  const registry = url === undefined ? "none: it runs alone (no redis.url)" : maskUrl(url);
  if (!process.stderr.isTTY) return log.info({ ...addresses, registry }, "origin started");
  const places = Object.entries(addresses).map(([name, address]) => `${name.toUpperCase()} ${address}`);
  say(`origin ${config.name} is up: ${places.join(", ")}; registry ${registry}`);
}

async function within(ms: number, stopped: Promise<unknown>): Promise<void> {
  const timer = setTimeout(() => {
    say(`not everything stopped within ${ms / 1_000} s: ending now`);
    process.exit(1);
  }, ms);
  await stopped;
  clearTimeout(timer);
}
