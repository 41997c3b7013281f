import { Command, InvalidArgumentError } from "commander";
import { EVENT_LOG_LENGTH, isEventWanted, type EventFilter } from "../domain/event-log.ts";
import { describeEvent } from "../domain/event-text.ts";
import type { Registry, RegistryEvent } from "../domain/ports/registry.ts";
import { reportEvent } from "../domain/reports.ts";
import { localTime, outputOption, print, printJson, table, type OutputOptions } from "./output.ts";
import { addRegistryOptions, withRegistry, type RegistryOptions } from "./registry-access.ts";
import { onStopSignal } from "./stop-signals.ts";

interface Options extends OutputOptions, RegistryOptions, EventFilter {
  readonly count: number;
  readonly follow?: true;
}

const BEGIN = "0-0";

/** `holdfast events`: what happened in the fleet. */
export function eventsCommand(): Command {
  return addRegistryOptions(new Command("events"))
    .summary("what happened in the fleet")
    .description("Every change of ownership: which origin, which stream, under which token, and why.")
    .option("-f, --follow", "go on printing until Ctrl-C")
    .option("-n, --count <n>", "at most so many of the past, the newest", parseCount, 20)
    .option("--stream <stream>", "only events of this stream")
    .option("--origin <name>", "only events of this origin, and of streams that were taken from it")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
With -o json -f one JSON object is printed per line.

Examples:
  holdfast events -f
  holdfast events -n 100 --stream live/cam1`,
    )
    .action((options: Options) => withRegistry(options, (registry) => showEvents(registry, options)));
}

async function showEvents(registry: Registry, options: Options): Promise<void> {
  const { count, follow } = options;
  const all = options.stream === undefined && options.origin === undefined;
  // One more than none, to know where to follow from.
  const recent = await registry.recentEvents(all ? Math.max(1, count) : EVENT_LOG_LENGTH);
  const past = count === 0 ? [] : recent.filter((event) => isEventWanted(event, options)).slice(-count);
  if (!follow) return printPast(past, options);

  for (const event of past) printOne(event, options);
  const left = new AbortController();
  void onStopSignal({ hangup: true }).then(() => left.abort());
  for await (const event of registry.followEvents(recent.at(-1)?.id ?? BEGIN, left.signal)) {
    if (isEventWanted(event, options)) printOne(event, options);
  }
}

function printPast(events: readonly RegistryEvent[], { output }: Options): void {
  if (output === "json") return printJson({ events: events.map(reportEvent) });
  print(table(["TIME", "TOKEN", "EVENT"], events.map(rowOf)));
}

function printOne(event: RegistryEvent, { output }: Options): void {
  print(output === "json" ? JSON.stringify(reportEvent(event)) : table([], [rowOf(event)]));
}

function rowOf(event: RegistryEvent): readonly unknown[] {
  return [localTime(reportEvent(event).at), event.fields["token"], describeEvent(event)];
}

function parseCount(text: string): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count <= EVENT_LOG_LENGTH) return count;
  throw new InvalidArgumentError(`A number from 0 to ${EVENT_LOG_LENGTH} is expected.`);
}
