import { Command } from "commander";
import { HoldfastError } from "../domain/errors.ts";
import type { OriginState } from "../domain/origin-record.ts";
import { reportOrigin } from "../domain/reports.ts";
import { findOriginDetail } from "../fleet/origin-detail.ts";
import {
  age,
  card,
  localTime,
  outputOption,
  print,
  printJson,
  span,
  table,
  type OutputOptions,
} from "./output.ts";
import { addRegistryOptions, withRegistry, type RegistryOptions } from "./registry-access.ts";

interface Options extends OutputOptions, RegistryOptions {}

/** `holdfast origins`: who is in the fleet. */
export function originsCommand(): Command {
  const list = addRegistryOptions(new Command("ls"))
    .description("List all live origins of the fleet.")
    .addOption(outputOption())
    .action(listOrigins);
  const show = addRegistryOptions(new Command("show"))
    .description("Show one origin: its session, its addresses and the streams it owns.")
    .argument("<name>", "name of the origin")
    .addOption(outputOption())
    .action(showOrigin);
  const drain = addRegistryOptions(new Command("drain"))
    .description(
      "Ask an origin to drain: it moves its encoders to other origins, keeps its players, and ends.",
    )
    .argument("<name>", "name of the origin")
    .addOption(outputOption())
    .action((name: string, options: Options) => wish(name, "draining", options));
  const undrain = addRegistryOptions(new Command("undrain"))
    .description("Ask an origin that drains to take new streams again.")
    .argument("<name>", "name of the origin")
    .addOption(outputOption())
    .action((name: string, options: Options) => wish(name, "up", options));
  return new Command("origins")
    .summary("list, show and drain live origins")
    .description(
      "Who is in the fleet, read from the registry: works with every origin down. Wishes are written there, too, and " +
        "heard by the origin at once.",
    )
    .addHelpText(
      "after",
      `
Examples:
  holdfast origins ls
  holdfast origins show o1 -o json
  holdfast origins drain o1`,
    )
    .addCommand(list)
    .addCommand(show)
    .addCommand(drain)
    .addCommand(undrain);
}

async function wish(name: string, state: OriginState, options: Options): Promise<void> {
  const session = await withRegistry(options, (registry) => registry.wishState(name, state, "cli"), {
    writing: true,
  });
  if (!session) throw new HoldfastError("ORIGIN_NOT_FOUND", { detail: `no live origin is called ${name}` });
  if (options.output === "json")
    return printJson({ origin: name, epoch: session.epoch, state: session.state, wished: state });
  if (session.state === state) return print(`${name} is ${state} already`);
  print(
    state === "draining"
      ? `${name} is asked to drain: it moves its encoders and ends. See: holdfast origins ls, holdfast events -f`
      : `${name} is asked to take new streams again. See: holdfast origins show ${name}`,
  );
}

async function listOrigins(options: Options): Promise<void> {
  const records = await withRegistry(options, (registry) => registry.listOrigins());
  const origins = records.map(reportOrigin).sort((one, other) => (one.name < other.name ? -1 : 1));
  if (options.output === "json") return printJson({ origins });
  const rows = origins.map((one) => [
    one.name,
    one.state,
    one.streams,
    `${Math.round(one.load * 100)}%`,
    one.rtmp,
    one.http,
    one.relay,
    age(one.since),
    one.version,
    one.epoch,
  ]);
  print(
    table(["ORIGIN", "STATE", "STREAMS", "LOAD", "RTMP", "HTTP", "RELAY", "AGE", "VERSION", "EPOCH"], rows),
  );
}

async function showOrigin(name: string, options: Options): Promise<void> {
  const report = await withRegistry(options, (registry) => findOriginDetail(registry, name));
  if (options.output === "json") return printJson(report);
  print(
    card({
      Origin: report.name,
      State: report.state,
      Epoch: report.epoch,
      Instance: report.instance,
      "Time left": span(report.timeLeftMs),
      Since: `${localTime(report.since)} (${age(report.since)})`,
      Beat: report.beat,
      RTMP: report.rtmp,
      HTTP: report.http,
      Relay: report.relay,
      Peer: report.peer,
      Weight: report.weight,
      Load: `${Math.round(report.load * 100)}%`,
      Version: report.version,
      Streams: report.owns.map((one) => one.stream).join("\n"),
    }),
  );
}
