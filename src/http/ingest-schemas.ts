import { z } from "zod";
import { ORIGIN_NAME } from "../config/origin-name.ts";

const isoTime = z.string().describe("ISO 8601 in UTC, by the registry's clock; empty for never");
const url = z
  .string()
  .describe(
    "without user, password and values of its query, and only the program of exec:, unless api.token is set",
  );
const token = z.int().describe("fencing token of the last grant; 0 when there was none");

const ingest = z.object({
  stream: z.string().describe("app/stream, or //vhost/app/stream"),
  url,
  captureAt: z.string().describe("the origin that should pull it; empty when any may"),
  weight: z.number().describe("how much of an origin it takes; 1 is normal"),
  overlap: z.boolean().describe("on a move the new origin pulls before the old one stops"),
  onDemand: z.boolean().describe("pulled only while somebody plays it"),
  fallback: z.array(url).describe("used instead while it runs away from captureAt"),
  source: z.enum(["config", "api"]).describe("defined in settings files, or by API and command"),
  enabled: z.boolean().describe("false while it is paused"),
  state: z.enum(["idle", "starting", "live", "retrying", "resting", "paused"]),
  owner: z.string().describe("who pulls it, or pulled it last; empty when nobody ever did"),
  epoch: z.int().describe("number of the owner's session"),
  token,
  planned: z.string().describe("where the plan has it; empty when nowhere"),
  moveTo: z.string().describe("where an operator wants it, until it is there; empty otherwise"),
  profile: z.int().min(0).describe("what is pulled: 0 is `url`, 1 is the first of `fallback`, and so on"),
  error: z.string().describe("why it does not work; empty when it does"),
  lastMove: isoTime.describe("when the owner changed last; empty for never"),
  why: z.string().describe("why the owner pulls it"),
  demandUntil: isoTime.describe("until when somebody wants to play it; only with onDemand"),
  marks: z
    .array(z.object({ origin: z.string(), count: z.int(), until: isoTime }))
    .describe("where it failed, how often in a row, and until when it is not tried there"),
});

export const Ingest = ingest.meta({ id: "Ingest" });

export const IngestDetail = ingest
  .extend({
    lease: z
      .object({
        origin: z.string(),
        epoch: z.int(),
        token,
        timeLeftMs: z.int().min(0).describe("ms until it ends unless it is renewed"),
      })
      .nullable()
      .describe("who holds its lease; null when nobody does, or when it could not be read"),
    plan: z
      .object({
        origin: z.string(),
        why: z.string(),
        by: z.string().describe("name of the planner"),
        term: z.int().describe("fencing token of the planner"),
        at: isoTime.describe("when the plan was confirmed last"),
      })
      .nullable(),
  })
  .meta({ id: "IngestDetail" });

export const ExplainedIngest = IngestDetail.extend({
  next: z.string().describe("what would happen next"),
}).meta({ id: "ExplainedIngest" });

export const IngestList = z.object({ ingests: z.array(Ingest) });

/** What was asked of the fleet, and written down. */
export const WishedIngest = z.object({
  stream: z.string(),
  wished: z.enum(["removed", "paused", "resumed", "moved"]),
  origin: z.string().optional().describe("of a move: where to; empty when the wish was taken back"),
});

export const MoveQuery = z.object({
  origin: z
    .string()
    .regex(new RegExp(`^$|${ORIGIN_NAME.source}`))
    .optional()
    .describe("of a move: the name of an origin; empty takes the wish back"),
});
