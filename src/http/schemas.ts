import { z } from "zod";
import { EVENT_LOG_LENGTH } from "../domain/event-log.ts";
import { ExplainedIngest } from "./ingest-schemas.ts";

const isoTime = z.string().describe("ISO 8601 in UTC, by the registry's clock");
const address = z.string().describe("host:port; empty when there is none");
const token = z.int().describe("fencing token: grows with every grant of the stream");
const epoch = z.int().describe("number of the owner's session: grows with every session");
const timeLeftMs = z.int().min(0).describe("ms until the session ends unless it is renewed");

const origin = z.object({
  name: z.string(),
  host: z.string().describe("name of the host whose worker it is, else its own"),
  instance: z.string().describe("random id of the process"),
  state: z.enum(["up", "draining"]),
  epoch,
  beat: z.int().describe("heartbeats of this session"),
  rtmp: address.describe("public RTMP address"),
  http: address.describe("public HTTP address"),
  relay: address.describe("fleet-internal RTMP address"),
  peer: address.describe("fleet-internal HTTP address"),
  weight: z.number().describe("share of the fleet's load; 1 is normal"),
  load: z.number().describe("event-loop share in use, 0 to 1"),
  streams: z.int().min(0).describe("streams owned"),
  since: isoTime,
  version: z.string(),
});

const stream = z.object({
  stream: z.string().describe("app/stream, or //vhost/app/stream"),
  origin: z.string().describe("name of the owner"),
  epoch,
  token,
  kind: z.enum(["publish", "ingest"]),
  since: isoTime,
  publisher: z.string().describe("address of the encoder, or URL of the source"),
  codecs: z.string().describe("such as avc1,mp4a; empty until known"),
  previous: z.string().describe("origin that lost the stream to this one, or empty"),
  takeovers: z.int().min(0).describe("take-overs in a row"),
  stalled: z.boolean().describe("its encoder brings nothing, and none that stands by has gone on yet"),
});

const lookup = stream.extend({
  timeLeftMs,
  owner: origin,
  urls: z.object({ rtmp: z.string(), httpFlv: z.string(), wsFlv: z.string() }),
});

const event = z.object({
  id: z.string(),
  at: isoTime,
  type: z.string(),
  fields: z.record(z.string(), z.string()),
});

/** Named in the OpenAPI document. */
export const Origin = origin.meta({ id: "Origin" });
export const Stream = stream.meta({ id: "Stream" });
export const Lookup = lookup.meta({ id: "Lookup" });
export const Event = event.meta({ id: "Event" });

export const OriginDetail = origin.extend({ timeLeftMs, owns: z.array(Stream) }).meta({ id: "OriginDetail" });

export const Explanation = z
  .object({
    stream: z.string(),
    live: z.boolean(),
    summary: z.string().describe("the answer in one sentence"),
    reasons: z.array(z.string()).describe("why it is so, most important first"),
    lookup: Lookup.nullable(),
    ingest: ExplainedIngest.nullable().describe("the ingest that feeds it; URLs without credentials"),
    history: z.array(event.extend({ text: z.string() })).describe("what happened before, oldest first"),
  })
  .meta({ id: "Explanation" });

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe("what callers branch on"),
  })
  .meta({ id: "Problem" });

const problem = {
  description: "RFC 9457",
  content: { "application/problem+json": { schema: Problem } },
};

/** What every path may answer instead. */
export const PROBLEMS = { "4xx": problem, "5xx": problem };

export const OriginList = z.object({ origins: z.array(Origin) });
export const StreamList = z.object({ streams: z.array(Stream) });
export const EventList = z.object({ events: z.array(Event).describe("oldest first") });

export const WishedState = z.object({
  origin: z.string(),
  epoch,
  state: z.enum(["up", "draining"]).describe("what it was when it was asked"),
  wished: z.enum(["up", "draining"]),
});
export const Kicked = z.object({
  stream: z.string(),
  origin: z.string().describe("name of the owner"),
  token,
});

export const StreamQuery = z.object({
  stream: z.string().min(1).describe("app/stream, or //vhost/app/stream"),
});

export const EventQuery = z.object({
  count: z.coerce
    .number()
    .int()
    .min(1)
    .max(EVENT_LOG_LENGTH)
    .default(100)
    .describe("at most so many, the newest"),
  stream: z.string().optional().describe("only events of this stream"),
  origin: z.string().optional().describe("only events of this origin"),
});
