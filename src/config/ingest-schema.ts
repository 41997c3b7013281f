import { z } from "zod";
import { HoldfastError } from "../domain/errors.ts";
import { parseIngestKey } from "../domain/ingest-key.ts";
import { parseSourceUrl } from "../domain/source-url.ts";
import type { StreamKey } from "../domain/stream-key.ts";
import { ORIGIN_NAME, ORIGIN_NAME_ALLOWED } from "./origin-name.ts";
import { duration } from "./units.ts";

/** Most URLs that stand in for the first one. */
const MAX_FALLBACKS = 10;

/** How this origin pulls what the plan gives it. */
export const ingestSchema = z.strictObject({
  startsPerSecond: z
    .int()
    .min(1)
    .max(1_000)
    .default(20)
    .describe("pulls that this origin begins per second, so that many orphans are no stampede"),
  connectTimeout: duration("5s", "100ms", "1m").describe("longest wait until a source answers"),
  idleTimeout: duration("5s", "500ms", "5m").describe("a source silent for this long is dialled again"),
  keyframeTimeout: duration("10s", "500ms", "5m").describe(
    "longest time from the answer to the first keyframe; sound alone counts after it",
  ),
  retryMin: duration("500ms", "50ms", "1m").describe(
    "pause before a source is tried again; doubles each time",
  ),
  retryMax: duration("30s", "100ms", "1h").describe("longest such pause"),
  idleStop: duration("10s", "0s", "1h").describe(
    "an ingest on demand is pulled for this long after its last player",
  ),
  allowExec: z
    .boolean()
    .default(false)
    .describe("run the command lines of exec: ingests on this origin, whoever defined them"),
});

const streamKey = z.string().transform((text, context): StreamKey => {
  return orIssue(() => parseIngestKey(text), context);
});

const sourceUrl = z
  .string()
  .transform((text, context): string => {
    orIssue(() => parseSourceUrl(text), context);
    return text;
  })
  .meta({
    secret: "source",
    allowed: "an rtmp, rtmps, rtsp, http or https URL, or exec: and a command line",
  });

/** What one ingest is, apart from the stream that it feeds; `enabled` is for files only. */
export const ingestBodySchema = z.strictObject({
  url: sourceUrl.describe(
    "where the media is: rtmp(s)://, rtsp://, http(s)://….flv, or exec: and a command line",
  ),
  captureAt: z
    .string()
    .regex(new RegExp(`^$|${ORIGIN_NAME.source}`))
    .default("")
    .meta({ allowed: `the name of an origin: ${ORIGIN_NAME_ALLOWED}` })
    .describe("the origin that pulls it while it is up; any when not given"),
  weight: z
    .number()
    .gt(0)
    .max(1_000)
    .default(1)
    .meta({ allowed: "a number above 0, 1000 at most" })
    .describe("how much of an origin it takes"),
  overlap: z.boolean().default(false).describe("on a move the new origin pulls before the old one stops"),
  onDemand: z.boolean().default(false).describe("pulled only while somebody plays it"),
  fallback: z
    .array(sourceUrl)
    .max(MAX_FALLBACKS)
    .default([])
    .meta({ allowed: `a list of up to ${MAX_FALLBACKS} URLs` })
    .describe("URLs used instead, in this order, while it runs away from captureAt"),
});

/** The list in a settings file. */
export const ingestsSchema = z
  .array(
    z.strictObject({
      stream: streamKey.meta({ allowed: "app/stream" }).describe("the stream that it feeds, app/stream"),
      ...ingestBodySchema.shape,
      enabled: z.boolean().default(true).describe("false: as if it were not in the list"),
    }),
  )
  .superRefine((ingests, context) => {
    const seen = new Map<StreamKey, number>();
    for (const [index, { stream }] of ingests.entries()) {
      const first = seen.get(stream);
      if (first === undefined) seen.set(stream, index);
      else {
        const message = `${stream} is defined already by ingests[${first}]`;
        context.addIssue({ code: "custom", path: [index, "stream"], message });
      }
    }
  })
  .prefault([])
  .meta({ allowed: "a list of ingests" });

/** The value, or an issue with the reason why there is none. */
function orIssue<T>(make: () => T, context: z.RefinementCtx): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    context.addIssue({ code: "custom", message: `is not valid: ${String(error.context["reason"])}` });
    return z.NEVER;
  }
}
