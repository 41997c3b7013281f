import { setTimeout as sleep } from "node:timers/promises";
import { InvalidArgumentError, Option } from "commander";
import { formatDuration, parseDuration } from "../../config/units.ts";
import { HoldfastError } from "../../domain/errors.ts";
import { leaseOf, type IngestRecord } from "../../domain/ingest.ts";
import type { StreamKey } from "../../domain/stream-key.ts";
import { explainIngest } from "../../fleet/explain-ingest.ts";
import { viewIngest, type IngestSources } from "../../fleet/ingest-view.ts";

export interface WaitOptions {
  /** ms; 0 waits for nothing. */
  readonly wait: number;
}

/** What became of a wish. */
export interface Outcome {
  /** False when there was no waiting. */
  readonly done: boolean;
  readonly tookMs: number;
}

const POLL_MS = 150;
const MOST_MS = 3_600_000;

/** `--wait DURATION`, which every command that changes an ingest has. */
export function waitOption(): Option {
  return new Option("--wait <duration>", "how long to wait until it is so; 0s does not wait")
    .argParser((text) => {
      const ms = parseDuration(text);
      if (ms === undefined || ms > MOST_MS)
        throw new InvalidArgumentError("A duration up to 1h is expected, such as 15s.");
      return ms;
    })
    .default(15_000, "15s");
}

/**
 * Wait until the ingest is as wished.
 *
 * @param wanted what is waited for, to be read after "is not"
 * @throws HoldfastError `TIMED_OUT`, with what keeps it and what would happen next
 */
export async function waitUntil(
  sources: IngestSources,
  stream: StreamKey,
  { wait }: WaitOptions,
  wanted: string,
  isDone: (record: IngestRecord | undefined) => boolean | Promise<boolean>,
): Promise<Outcome> {
  const begin = performance.now();
  const taken = () => Math.round(performance.now() - begin);
  if (wait === 0) return { done: false, tookMs: 0 };
  while (!(await isDone(await sources.registry.ingests.get(stream)))) {
    if (taken() >= wait) throw await tooLate(sources, stream, wait, wanted);
    await sleep(Math.min(POLL_MS, Math.max(1, wait - taken())));
  }
  return { done: true, tookMs: taken() };
}

/** Whether nobody pulls it any more: no stream that it feeds, and no lease of it. */
export async function isStopped({ registry, leases }: IngestSources, stream: StreamKey): Promise<boolean> {
  const [location] = await registry.locate([stream]);
  if (location?.record.kind === "ingest") return false;
  return (await leases.inspect(leaseOf(stream))) === undefined;
}

async function tooLate(
  sources: IngestSources,
  stream: StreamKey,
  wait: number,
  wanted: string,
): Promise<HoldfastError> {
  const view = await viewIngest(sources, stream);
  const why = view && explainIngest(view);
  const error = view?.record.error ? [`Last error: ${view.record.error}.`] : [];
  const words = why ? [why.summary, ...error, `Next: ${why.next}`] : [];
  const detail = [`${stream} is not ${wanted} after ${formatDuration(wait)}.`, ...words].join(" ");
  return new HoldfastError("TIMED_OUT", { detail, stream });
}
