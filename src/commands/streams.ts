import { Command } from "commander";
import { HoldfastError } from "../domain/errors.ts";
import { isNowhere, reportLookup, reportStream, type LookupReport } from "../domain/reports.ts";
import { parseStreamKey } from "../domain/stream-key.ts";
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

interface ListOptions extends OutputOptions, RegistryOptions {
  readonly origin?: string;
}

/** `holdfast streams`: what is live. */
export function streamsCommand(): Command {
  const list = addRegistryOptions(new Command("ls"))
    .description("List all live streams of the fleet.")
    .option("--origin <name>", "only those that this origin owns")
    .addOption(outputOption())
    .action(listStreams);
  const show = addRegistryOptions(new Command("show"))
    .description("Show one stream: its owner, token and where it is played.")
    .argument("<stream>", "app/stream, or //vhost/app/stream")
    .addOption(outputOption())
    .action(showStream);
  const kick = addRegistryOptions(new Command("kick"))
    .description("Disconnect the encoder of a stream. Nothing keeps it from coming again.")
    .argument("<stream>", "app/stream, or //vhost/app/stream")
    .addOption(outputOption())
    .action(kickStream);
  return new Command("streams")
    .summary("list and show live streams, disconnect encoders")
    .description("What is live in the fleet, read from the registry: works with every origin down.")
    .addHelpText(
      "after",
      `
Examples:
  holdfast streams ls
  holdfast streams ls --origin o1 -o json
  holdfast streams show live/cam1`,
    )
    .addCommand(list)
    .addCommand(show)
    .addCommand(kick);
}

async function kickStream(text: string, options: ListOptions): Promise<void> {
  const key = parseStreamKey(text);
  const owner = await withRegistry(options, (registry) => registry.kickStream(key, "cli"), { writing: true });
  if (!owner) throw new HoldfastError("STREAM_NOT_FOUND", { detail: `no encoder publishes ${key}` });
  if (options.output === "json") return printJson({ stream: key, ...owner });
  print(`${owner.origin} is asked to disconnect the encoder of ${key} (token ${owner.token})`);
}

async function listStreams(options: ListOptions): Promise<void> {
  const records = await withRegistry(options, (registry) => registry.listStreams());
  const streams = records
    .filter(({ origin }) => options.origin === undefined || origin === options.origin)
    .map(reportStream)
    .sort((one, other) => (one.stream < other.stream ? -1 : 1));
  if (options.output === "json") return printJson({ streams });
  const rows = streams.map((one) => [
    one.stream,
    one.origin,
    one.kind,
    age(one.since),
    one.codecs,
    one.publisher,
    one.token,
  ]);
  print(table(["STREAM", "OWNER", "KIND", "AGE", "CODECS", "PUBLISHER", "TOKEN"], rows));
}

async function showStream(text: string, options: ListOptions): Promise<void> {
  const report = await lookUp(text, options);
  if (options.output === "json") return printJson(report);
  print(
    card({
      Stream: report.stream,
      Owner: report.origin,
      Epoch: report.epoch,
      Token: report.token,
      "Time left": span(report.timeLeftMs),
      Kind: report.kind,
      Since: `${localTime(report.since)} (${age(report.since)})`,
      Publisher: report.publisher,
      Codecs: report.codecs,
      "Taken from": report.previous,
      "Take-overs": report.takeovers,
      Stalled: report.stalled ? "yes: its encoder brings nothing" : "no",
      RTMP: report.urls.rtmp,
      "HTTP-FLV": report.urls.httpFlv,
      "WS-FLV": report.urls.wsFlv,
    }),
  );
}

/** @throws HoldfastError `STREAM_NOT_FOUND`, `STREAM_NAME_INVALID` */
export async function lookUp(text: string, options: RegistryOptions): Promise<LookupReport> {
  const key = parseStreamKey(text);
  return withRegistry(options, async (registry) => {
    const [found] = await registry.lookUp([key]);
    const location = found?.location;
    if (!location) throw isNowhere(key, found?.ingest);
    return reportLookup(location, await registry.sessionTimeLeft(location.owner.name));
  });
}
