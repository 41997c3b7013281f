import { Command } from "commander";
import { HoldfastError } from "../../domain/errors.ts";
import type { IngestRecord } from "../../domain/ingest.ts";
import { REST_MS } from "../../domain/placement/input.ts";
import { parseStreamKey, type StreamKey } from "../../domain/stream-key.ts";
import { ingestNotFound, type IngestSources } from "../../fleet/ingest-view.ts";
import { wishMove } from "../../fleet/move-wish.ts";
import { outputOption, print, printJson, say, span, type OutputOptions } from "../output.ts";
import { addRegistryOptions, withIngests, type RegistryOptions } from "../registry-access.ts";
import { isStopped, waitOption, waitUntil, type WaitOptions } from "./wait.ts";

type Options = OutputOptions & RegistryOptions & WaitOptions;

interface MoveOptions extends Options {
  readonly undo?: true;
}

const BY = "cli";

export function pauseCommand(): Command {
  const about = "Stop pulling an ingest until it is resumed, wherever it is defined.";
  return wishCommand("pause", about).action((text: string, options: Options) =>
    withIngest(text, options, pause),
  );
}

export function resumeCommand(): Command {
  const about = "Pull a paused ingest again; then wait until it is live.";
  return wishCommand("resume", about).action((text: string, options: Options) =>
    withIngest(text, options, resume),
  );
}

function wishCommand(name: string, about: string): Command {
  return addRegistryOptions(new Command(name))
    .description(about)
    .argument("<stream>", "app/stream, or //vhost/app/stream")
    .addOption(waitOption())
    .addOption(outputOption())
    .addHelpText("after", `\nExamples:\n  holdfast ingests ${name} live/cam01`);
}

export function moveCommand(): Command {
  return addRegistryOptions(new Command("move"))
    .description("Move an ingest to another origin; then wait until it is live there.")
    .argument("<stream>", "app/stream, or //vhost/app/stream")
    .argument("[origin]", "name of the origin")
    .option("--undo", "take back a wish that has not come true yet")
    .addOption(waitOption())
    .addOption(outputOption())
    .addHelpText(
      "after",
      `
With captureAt it goes back there after its rest of ${REST_MS / 1_000} s. Exit code 1 when it is not there in time; the wish stays.

Examples:
  holdfast ingests move live/cam01 s02
  holdfast ingests move live/cam01 --undo`,
    )
    .action((text: string, origin: string | undefined, options: MoveOptions) => {
      if (options.undo ? origin !== undefined : origin === undefined)
        throw new HoldfastError("REQUEST_INVALID", { detail: "give an origin to move to, or --undo" });
      return withIngest(text, options, options.undo ? undoMove : (found) => move(found, origin ?? ""));
    });
}

/** An ingest as it was found, and how to go on. */
interface Found {
  readonly sources: IngestSources;
  readonly stream: StreamKey;
  readonly before: IngestRecord;
  readonly options: Options;
}

async function withIngest(
  text: string,
  options: Options,
  use: (found: Found) => Promise<void>,
): Promise<void> {
  const stream = parseStreamKey(text);
  await withIngests(
    options,
    async (sources) => {
      const before = await sources.registry.ingests.get(stream);
      if (!before || before.removed !== 0) throw ingestNotFound(stream);
      await use({ sources, stream, before, options });
    },
    { writing: true },
  );
}

async function pause({ sources, stream, before, options }: Found): Promise<void> {
  if (!(await sources.registry.ingests.setEnabled(stream, false, BY))) throw ingestNotFound(stream);
  const { done, tookMs } = await waitUntil(sources, stream, options, "stopped", () =>
    isStopped(sources, stream),
  );
  const already = before.enabled ? "" : " already";
  if (options.output === "json") return printJson({ stream, wished: "paused", done, tookMs });
  print(done ? `${stream} is paused${already}, and nobody pulls it` : `${stream} is paused${already}`);
}

async function resume({ sources, stream, before, options }: Found): Promise<void> {
  const { registry } = sources;
  if (!(await registry.ingests.setEnabled(stream, true, BY))) throw ingestNotFound(stream);
  const report = (done: boolean, tookMs: number, said: string) =>
    options.output === "json" ? printJson({ stream, wished: "resumed", done, tookMs }) : print(said);
  if (before.enabled) return report(true, 0, `${stream} is not paused`);
  if (before.onDemand) return report(true, 0, `${stream} is resumed: it is pulled when somebody plays it`);
  if ((await registry.listOrigins()).length === 0) {
    say("warning: no origin is alive: it is pulled once one is");
    return report(false, 0, `${stream} is resumed`);
  }
  // What it was before it was paused may still stand in its status.
  const isLive = (record: IngestRecord | undefined) =>
    record?.state === "live" && record.token !== before.token;
  const { done, tookMs } = await waitUntil(sources, stream, options, "live", isLive);
  const owner = (await registry.ingests.get(stream))?.owner;
  report(
    done,
    tookMs,
    done ? `${stream} is live on ${owner} again, after ${span(tookMs)}` : `${stream} is resumed`,
  );
}

async function move({ sources, stream, before, options }: Found, origin: string): Promise<void> {
  const { registry } = sources;
  const report = (done: boolean, tookMs: number, said: string) =>
    options.output === "json" ? printJson({ stream, wished: "moved", origin, done, tookMs }) : print(said);
  if (before.owner === origin && before.state === "live" && before.moveTo === "")
    return report(true, 0, `${stream} is live on ${origin} already`);
  await wishMove(registry, stream, origin, BY);
  if (!before.enabled)
    return report(false, 0, `${stream} is paused; it will run on ${origin} when it is resumed`);
  if (before.onDemand && before.state === "idle")
    return report(
      false,
      0,
      `${stream} is on demand and nobody plays it; the next play pulls it on ${origin}`,
    );
  const { captureAt } = before;
  if (captureAt !== "" && captureAt !== origin)
    say(`warning: it is to be captured at ${captureAt}, and goes back there after ${REST_MS / 1_000} s`);
  const { done, tookMs } = await waitUntil(
    sources,
    stream,
    options,
    `live on ${origin}`,
    (record) => record?.owner === origin && record.state === "live",
  );
  const from = before.owner === "" || before.owner === origin ? "" : ` from ${before.owner}`;
  report(
    done,
    tookMs,
    done
      ? `${stream} was moved${from} to ${origin} in ${span(tookMs)}`
      : `${stream} is asked to move to ${origin}`,
  );
}

async function undoMove({ sources, stream, before, options }: Found): Promise<void> {
  await wishMove(sources.registry, stream, "", BY);
  if (options.output === "json")
    return printJson({ stream, wished: "moved", origin: "", done: true, tookMs: 0 });
  const wished = before.moveTo === "" ? "nothing was wished" : `it was wished at ${before.moveTo}`;
  print(`${stream} stays where the plan has it: ${wished}`);
}
