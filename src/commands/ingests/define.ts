import { createInterface } from "node:readline";
import { Command, InvalidArgumentError, Option } from "commander";
import { ingestBodySchema } from "../../config/ingest-schema.ts";
import { HoldfastError } from "../../domain/errors.ts";
import type { IngestDefinition, IngestRecord } from "../../domain/ingest.ts";
import { parseIngestKey } from "../../domain/ingest-key.ts";
import { parseSourceUrl } from "../../domain/source-url.ts";
import { parseStreamKey } from "../../domain/stream-key.ts";
import { ingestNotFound, type IngestSources } from "../../fleet/ingest-view.ts";
import { outputOption, print, printJson, say, span, type OutputOptions } from "../output.ts";
import { addRegistryOptions, withIngests, type RegistryOptions } from "../registry-access.ts";
import { isStopped, waitOption, waitUntil, type WaitOptions } from "./wait.ts";

type Options = OutputOptions & RegistryOptions & WaitOptions;

interface AddOptions extends Options {
  readonly captureAt?: string;
  readonly weight: number;
  readonly overlap?: true;
  readonly onDemand?: true;
  readonly fallback: readonly string[];
}

const BY = "cli";

export function addCommand(): Command {
  return addRegistryOptions(new Command("add"))
    .description("Define an ingest, or replace its definition; then wait until it is live.")
    .argument("<stream>", "the stream that it feeds: app/stream, or //vhost/app/stream")
    .argument("<url>", "rtmp(s)://, rtsp://, http(s)://….flv or exec:COMMAND; - reads it from standard input")
    .option("--capture-at <origin>", "the origin that pulls it while it is up")
    .option("--weight <n>", "how much of an origin it takes", parseWeight, 1)
    .option("--overlap", "on a move the new origin pulls before the old one stops: no gap, two pulls")
    .option("--on-demand", "pulled only while somebody plays it")
    .addOption(
      new Option("--fallback <url>", "used instead while it runs away from --capture-at; may be repeated")
        .argParser((url: string, before: readonly string[]) => [...before, url])
        .default([], "none"),
    )
    .addOption(waitOption())
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
A URL on the command line is seen by others on this machine; - keeps a password from them. Command lines (exec:) run only
on origins with ingest.allowExec: true. Exit code 1 when it is defined but not live in time.

Examples:
  holdfast ingests add live/cam01 rtsp://cam01/stream1
  holdfast ingests add live/cam02 rtmp://src/app/x --capture-at s01 --overlap
  holdfast ingests add live/cam03 rtsp://cam03/hq --capture-at s01 --fallback rtsp://cam03/lq
  holdfast ingests add live/film 'exec:ffmpeg -re -i /media/film.mp4 -c copy -f flv -' --on-demand
  echo "$URL" | holdfast ingests add live/cam04 - --wait 0s`,
    )
    .action(add);
}

export function removeCommand(): Command {
  return addRegistryOptions(new Command("rm"))
    .description("Remove an ingest that was defined by API or command; then wait until nobody pulls it.")
    .argument("<stream>", "app/stream, or //vhost/app/stream")
    .addOption(waitOption())
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
What a settings file defines is removed there; holdfast ingests pause stops it meanwhile.

Examples:
  holdfast ingests rm live/cam01`,
    )
    .action(remove);
}

async function add(text: string, url: string, options: AddOptions): Promise<void> {
  const definition = define(text, url === "-" ? await readLine() : url, options);
  const { stream } = definition;
  await withIngests(
    options,
    async (sources) => {
      const { registry } = sources;
      const before = await registry.ingests.get(stream);
      const result = await registry.ingests.put(definition, BY);
      const alive = await warn(sources, definition);
      const report = (done: boolean, tookMs: number, said: string) =>
        options.output === "json" ? printJson({ stream, result, done, tookMs }) : print(said);
      if (result === "same") return report(true, 0, `${stream} is defined so already`);
      const made = result === "created" ? `${stream} is defined` : `${stream} is changed`;
      if (definition.onDemand) return report(true, 0, `${made}: it is pulled when somebody plays it`);
      if (!alive || options.wait === 0 || result === "changed")
        return report(false, 0, `${made}; see: holdfast explain ${stream}`);
      // What was removed a moment ago has left its status.
      const isLive = (now: IngestRecord | undefined) => now?.state === "live" && now.token !== before?.token;
      const { tookMs } = await waitUntil(sources, stream, options, "live", isLive);
      const record = await registry.ingests.get(stream);
      report(true, tookMs, `${made} and live on ${record?.owner}, after ${span(tookMs)}`);
    },
    { writing: true },
  );
}

/** @throws HoldfastError `INGEST_INVALID`, `STREAM_NAME_INVALID` */
function define(text: string, url: string, options: AddOptions): IngestDefinition {
  const { captureAt = "", weight, fallback, overlap = false, onDemand = false } = options;
  const stream = parseIngestKey(text);
  const result = ingestBodySchema.safeParse({ url, captureAt, weight, overlap, onDemand, fallback });
  if (result.success) return { stream, ...result.data };
  const problems = result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
  throw new HoldfastError("INGEST_INVALID", { detail: problems.join("; ") });
}

/** Say what may keep it from being live. False when no origin is alive. */
async function warn({ registry }: IngestSources, definition: IngestDefinition): Promise<boolean> {
  const { url, fallback, captureAt } = definition;
  const origins = await registry.listOrigins();
  const known =
    captureAt === "" || origins.some(({ name, host }) => name === captureAt || host === captureAt);
  if (origins.length === 0) say("warning: no origin is alive: it is pulled once one is");
  else if (!known) say(`warning: no origin ${captureAt} is alive: others pull it until it is`);
  if ([url, ...fallback].some((one) => parseSourceUrl(one).scheme === "exec"))
    say("warning: only origins with ingest.allowExec: true run an exec: line");
  if (fallback.length > 0 && captureAt === "") say("warning: without --capture-at no fallback is ever used");
  return origins.length > 0;
}

async function remove(text: string, options: Options): Promise<void> {
  const stream = parseStreamKey(text);
  await withIngests(
    options,
    async (sources) => {
      if (!(await sources.registry.ingests.remove(stream, BY))) throw ingestNotFound(stream);
      const { done, tookMs } = await waitUntil(sources, stream, options, "stopped", () =>
        isStopped(sources, stream),
      );
      if (options.output === "json") return printJson({ stream, wished: "removed", done, tookMs });
      print(done ? `${stream} is removed, and nobody pulls it` : `${stream} is removed`);
    },
    { writing: true },
  );
}

function parseWeight(text: string): number {
  const weight = Number(text);
  if (text.trim() !== "" && weight > 0 && weight <= 1_000) return weight;
  throw new InvalidArgumentError("A number above 0 is expected, 1000 at most.");
}

/** The first line of standard input. */
async function readLine(): Promise<string> {
  const lines = createInterface({ input: process.stdin });
  try {
    for await (const line of lines) return line.trim();
    return "";
  } finally {
    lines.close();
  }
}
