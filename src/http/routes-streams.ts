import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { HoldfastError } from "../domain/errors.ts";
import type { Registry } from "../domain/ports/registry.ts";
import { isNowhere, reportLookup, reportStream, type LookupReport } from "../domain/reports.ts";
import { parseStreamKey, type StreamKey } from "../domain/stream-key.ts";
import { Explanation, Kicked, Lookup, PROBLEMS, StreamList, StreamQuery } from "./schemas.ts";

/** Why a stream is where it is. Rejects with `REGISTRY_UNAVAILABLE`. */
export type Explain = (key: StreamKey) => Promise<z.output<typeof Explanation>>;

/** What streams are live, who owns them and why. */
export function addStreamRoutes(app: FastifyInstance, registry: Registry, explain: Explain): void {
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.get(
    "/api/fleet/v1/streams",
    {
      schema: { summary: "All live streams", response: { 200: StreamList, ...PROBLEMS } },
    },
    async () => {
      const streams = await registry.listStreams();
      return { streams: streams.map(reportStream) };
    },
  );

  typed.get(
    "/api/fleet/v1/streams/*",
    {
      schema: {
        summary: "One stream, by its key",
        params: z.object({ "*": z.string().describe("app/stream, or //vhost/app/stream") }),
        response: { 200: Lookup, ...PROBLEMS },
      },
    },
    ({ params }) => find(registry, params["*"]),
  );

  typed.get(
    "/api/fleet/v1/lookup",
    {
      schema: {
        summary: "Who owns this stream, past every cache",
        querystring: StreamQuery,
        response: { 200: Lookup, ...PROBLEMS },
      },
    },
    ({ query }) => find(registry, query.stream),
  );

  typed.get(
    "/api/fleet/v1/explain",
    {
      schema: {
        summary: "Why the stream is where it is, and what happened before",
        querystring: StreamQuery,
        response: { 200: Explanation, ...PROBLEMS },
      },
    },
    ({ query }) => explain(parseStreamKey(query.stream)),
  );

  typed.post(
    "/api/fleet/v1/kick",
    {
      schema: {
        summary: "Disconnect the stream's encoder; nothing keeps it from coming again",
        querystring: StreamQuery,
        response: { 202: Kicked, ...PROBLEMS },
      },
    },
    async ({ query }, reply) => reply.code(202).send(await kick(registry, query.stream)),
  );
}

async function kick(registry: Registry, text: string) {
  const stream = parseStreamKey(text);
  const owner = await registry.kickStream(stream, "api");
  if (!owner) throw new HoldfastError("STREAM_NOT_FOUND");
  return { stream, ...owner };
}

async function find(registry: Registry, text: string): Promise<LookupReport> {
  const key = parseStreamKey(text);
  const [found] = await registry.lookUp([key]);
  const location = found?.location;
  if (!location) throw isNowhere(key, found?.ingest);
  return reportLookup(location, await registry.sessionTimeLeft(location.owner.name));
}
