import { Command } from "commander";
import { loadConfig } from "../config/load.ts";
import { createLogger } from "../ops/logger.ts";
import { serveOrigin } from "./serve-origin.ts";
import { serveWorkers, workerConfig, workerCount } from "./serve-workers.ts";
import { packageVersion } from "./version.ts";
import { WorkerLink } from "./worker-link.ts";

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
  readonly workers?: string;
  readonly stopWithParent?: true;
  readonly worker?: string;
}

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
    .option("--workers <n>", "processes that share these ports, one core each: a number, or `auto` (1)")
    .addHelpText(
      "after",
      `
Every setting can be given by flag (those above), environment (HOLDFAST_REDIS__URL), file and default, in this order.
SIGTERM and Ctrl-C drain: encoders are moved to other origins of the fleet, players are kept until drain.deadline.
Without another origin it ends at once. A second signal ends at once, too.

Examples:
  holdfast serve
  holdfast serve --config /etc/holdfast.yml --name o1 --advertise-rtmp o1.example:1935
  HOLDFAST_CLUSTER__KEY=… holdfast serve --redis-url redis://redis:6379
  HOLDFAST_CLUSTER__KEY=… holdfast serve --redis-url redis://redis:6379 --workers auto`,
    )
    .action(serve);
  // For `holdfast fleet`, which starts origins with an IPC channel.
  command.addOption(command.createOption("--stop-with-parent").hideHelp());
  // For what `--workers` starts.
  return command.addOption(command.createOption("--worker <number>").hideHelp());
}

async function serve(options: ServeOptions): Promise<void> {
  const { config: settings, warnings } = loadConfig({
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
      "workers.count": options.workers === "auto" ? "0" : options.workers,
    },
  });
  const link =
    options.worker === undefined ? undefined : new WorkerLink(Number(options.worker), settings.name);
  const config = link ? workerConfig(settings, link.number) : settings;
  const version = packageVersion();
  const log = createLogger(config.log, { service: "holdfast", origin: config.name, version });
  process.on("uncaughtExceptionMonitor", (err) => log.fatal({ err }, "process failed"));
  if (!link) for (const warning of warnings) log.warn({ warning }, "settings are doubtful");
  const task = { config, log, version, stopWithParent: options.stopWithParent === true };
  if (!link && workerCount(config) > 1) await serveWorkers(task);
  else await serveOrigin(task, link);
}
