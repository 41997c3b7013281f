import { Command, Option } from "commander";
import type { IngestState } from "../../domain/ingest.ts";
import {
  reportIngests,
  type IngestDetailReport,
  type IngestReport,
  type Reveal,
} from "../../domain/ingest-reports.ts";
import { parseStreamKey } from "../../domain/stream-key.ts";
import { findIngest } from "../../fleet/ingest-view.ts";
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
} from "../output.ts";
import { addRegistryOptions, withIngests, withRegistry, type RegistryOptions } from "../registry-access.ts";

interface ShowOptions extends OutputOptions, RegistryOptions {
  readonly secrets?: true;
}

interface ListOptions extends ShowOptions {
  readonly origin?: string;
  readonly state?: IngestState;
}

const STATES: readonly IngestState[] = ["idle", "starting", "live", "retrying", "resting", "paused"];
const MAX_ERROR = 60;

export function listCommand(): Command {
  return addRegistryOptions(new Command("ls"))
    .description("List all ingests: state, owner, source and what is wrong.")
    .option("--origin <name>", "only those that this origin pulls, or should pull by the plan")
    .addOption(new Option("--state <state>", "only those in this state").choices(STATES))
    .option("--secrets", "show URLs whole")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
Examples:
  holdfast ingests ls
  holdfast ingests ls --origin s01 --state live
  holdfast ingests ls -o json | jq -r '.ingests[] | select(.error != "") | .stream'`,
    )
    .action(list);
}

export function showCommand(): Command {
  return addRegistryOptions(new Command("show"))
    .description("Show one ingest: its definition, who pulls it, its lease and its place in the plan.")
    .argument("<stream>", "app/stream, or //vhost/app/stream")
    .option("--secrets", "show URLs whole")
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
holdfast explain STREAM says in sentences why it is so.

Examples:
  holdfast ingests show live/cam01
  holdfast ingests show live/cam01 --secrets -o json`,
    )
    .action(show);
}

async function list(options: ListOptions): Promise<void> {
  const all = await withRegistry(options, async ({ ingests }) => {
    const [records, plan] = await Promise.all([ingests.list(), ingests.plan()]);
    return reportIngests(records, plan, reveal(options));
  });
  const ingests = all.filter(
    ({ owner, planned, state }) =>
      (options.origin === undefined || owner === options.origin || planned === options.origin) &&
      (options.state === undefined || state === options.state),
  );
  if (options.output === "json") return printJson({ ingests });
  const rows = ingests.map((one) => [
    one.stream,
    one.state,
    one.owner,
    one.planned === one.owner ? "" : one.planned,
    age(one.lastMove),
    one.source,
    source(one),
    one.error.length > MAX_ERROR ? `${one.error.slice(0, MAX_ERROR)}…` : one.error,
  ]);
  print(table(["STREAM", "STATE", "OWNER", "MOVES TO", "THERE", "DEFINED", "URL", "ERROR"], rows));
}

/** What is pulled now. */
function source({ url, fallback, profile }: IngestReport): string {
  return profile === 0 ? url : (fallback[profile - 1] ?? url);
}

async function show(text: string, options: ShowOptions): Promise<void> {
  const key = parseStreamKey(text);
  const report = await withIngests(options, (sources) => findIngest(sources, key, reveal(options)));
  if (options.output === "json") return printJson(report);
  print(card(fieldsOf(report)));
}

function fieldsOf(report: IngestDetailReport): Record<string, unknown> {
  const { lease, plan } = report;
  return {
    Stream: report.stream,
    State: report.state,
    Error: report.error,
    Owner: report.owner === "" ? "" : `${report.owner} (epoch ${report.epoch})`,
    Token: report.token,
    Lease: lease ? `${lease.origin}, token ${lease.token}, ${span(lease.timeLeftMs)} left` : "",
    "There since": report.lastMove === "" ? "" : `${localTime(report.lastMove)} (${age(report.lastMove)})`,
    Why: report.why,
    Plan: plan ? `${plan.origin}: ${plan.why} (by ${plan.by})` : "",
    "Wished at": report.moveTo,
    URL: report.url,
    Fallback: report.fallback.join("\n"),
    "In use": report.profile === 0 ? "its URL" : `fallback ${report.profile}`,
    "Capture at": report.captureAt,
    Weight: report.weight,
    Overlap: yesOrNo(report.overlap),
    "On demand": yesOrNo(report.onDemand),
    "Played until": report.onDemand ? localTime(report.demandUntil) : "",
    Defined: report.source === "config" ? "in settings files" : "by API or command",
    "Failed on": report.marks
      .map(({ origin, count, until }) => `${origin} (${count} in a row, not before ${localTime(until)})`)
      .join("\n"),
  };
}

function yesOrNo(value: boolean): string {
  return value ? "yes" : "no";
}

function reveal({ secrets }: ShowOptions): Reveal {
  return { secrets: secrets === true };
}
