import { basename, relative } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import { HoldfastError } from "../domain/errors.ts";
import { banner } from "./fleet/banner.ts";
import { killOrigin } from "./fleet/kill-origin.ts";
import { startFleet } from "./fleet/start-fleet.ts";
import { TEST_STREAM } from "./fleet/test-publisher.ts";
import { outputOption, print, printJson, say, type OutputOptions } from "./output.ts";
import { onStopSignal } from "./stop-signals.ts";

interface FleetCommandOptions extends OutputOptions {
  readonly count: number;
  readonly bind: string;
  readonly rtmpPort: number;
  readonly httpPort: number;
  readonly apiPort: number;
  readonly redisUrl?: string;
  readonly redisPrefix: string;
  readonly publishTest?: true;
  readonly kill?: string;
}

/** `holdfast fleet`: several origins on this machine, to try things out. */
export function fleetCommand(): Command {
  return new Command("fleet")
    .summary("run several origins on this machine, to try things out")
    .description(
      "Run several origins on this machine, with a Redis of their own on a free port. Prints what to type into OBS, " +
        "ffplay, a browser and redis-cli. Nothing of it is left after Ctrl-C.",
    )
    .option("-n, --count <n>", "origins, 1 to 10, named o1, o2, …", wholeNumber(1, 10), 3)
    .option("--publish-test", `publish a test picture and tone as ${TEST_STREAM} (needs ffmpeg)`)
    .option("--kill <name>", "end one origin of the fleet in another terminal as a crash would (SIGKILL)")
    .option("--redis-url <url>", "use this Redis instead of a private one")
    .option("--redis-prefix <prefix>", "prefix of the keys in it", "{holdfast}")
    .option(
      "--bind <address>",
      "address that the origins listen on and tell others (0.0.0.0, ::: the host name is told)",
      "127.0.0.1",
    )
    .addOption(portOption("--rtmp-port <n>", "RTMP port of o1; the others count up", 1935))
    .addOption(portOption("--http-port <n>", "HTTP port of o1; the others count up", 8080))
    .addOption(portOption("--api-port <n>", "API port of o1; the others count up", 8090))
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Examples:
  holdfast fleet --publish-test     three origins and a test picture
  holdfast fleet --kill o1          in a second terminal: see the failover
  holdfast fleet -n 5               five origins on 1935…1939, 8080…8084, 8090…8094`,
    )
    .action((options: FleetCommandOptions) =>
      options.kill === undefined ? runFleet(options) : kill(options.kill, options),
    );
}

async function runFleet(options: FleetCommandOptions): Promise<void> {
  const left = new AbortController();
  const stopAsked = onStopSignal({ hangup: true });
  void stopAsked.then((signal) =>
    left.abort(new HoldfastError("STOPPING", { detail: `${signal} while starting` })),
  );
  const fleet = await startFleet({
    count: options.count,
    host: options.bind,
    first: { rtmp: options.rtmpPort, http: options.httpPort, api: options.apiPort },
    redisUrl: options.redisUrl ?? process.env["HOLDFAST_REDIS__URL"],
    redisPrefix: options.redisPrefix,
    clusterKey: process.env["HOLDFAST_CLUSTER__KEY"],
    publishTest: options.publishTest === true,
    say,
    left: left.signal,
  });
  const { redisUrl, origins } = fleet;
  const shown = origins.map(({ name, rtmp, http, api }) => ({ name, rtmp, http, api }));
  if (options.output === "json") printJson({ redisUrl, redisPrefix: options.redisPrefix, origins: shown });
  else
    print(
      banner({
        ...options,
        redisUrl,
        origins: shown,
        testPicture: options.publishTest === true,
        program: thisProgram(),
      }),
    );

  const why = await Promise.race([stopAsked, fleet.ended.then(() => "no origin is left")]);
  say(`stopping: ${why}`);
  await fleet.stop();
}

/** How the reader called us: the installed command, or node with a file. */
function thisProgram(): string {
  const [, script = ""] = process.argv;
  if (basename(script) === "holdfast") return "holdfast";
  const path = relative(process.cwd(), script);
  // Those of its first line are for what runs long.
  const flags = process.execArgv.filter((flag) => !flag.startsWith("--initial-old-space-size="));
  return ["node", ...flags, path.startsWith("..") ? script : path].join(" ");
}

async function kill(name: string, { output }: OutputOptions): Promise<void> {
  const pid = await killOrigin(name);
  if (output === "json") return printJson({ killed: name, pid });
  print(`${name} (process ${pid}) is killed. See what follows: holdfast events -f, holdfast streams ls`);
}

function portOption(flags: string, description: string, standard: number): Option {
  return new Option(flags, description).argParser(wholeNumber(1, 65_535)).default(standard);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`A number from ${least} to ${most} is expected.`);
  };
}
