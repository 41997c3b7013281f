import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { ingestBodySchema } from "../config/ingest-schema.ts";
import { HoldfastError } from "../domain/errors.ts";
import type { IngestDefinition } from "../domain/ingest.ts";
import { parseIngestKey } from "../domain/ingest-key.ts";
import { reportIngests } from "../domain/ingest-reports.ts";
import { parseSourceUrl } from "../domain/source-url.ts";
import { parseStreamKey } from "../domain/stream-key.ts";
import { findIngest, ingestNotFound, type IngestSources } from "../fleet/ingest-view.ts";
import { wishMove } from "../fleet/move-wish.ts";
import { IngestDetail, IngestList, MoveQuery, WishedIngest } from "./ingest-schemas.ts";
import { PROBLEMS } from "./schemas.ts";

export interface IngestRouteOptions extends IngestSources {
  /** Requests carry the token: whoever asks may see credentials. */
  readonly trusted: boolean;
  /** Whether command lines may be defined through this origin. */
  readonly allowExec: boolean;
}

const PATH = "/api/fleet/v1/ingests";
const BY = "api";
const Key = z.object({ "*": z.string().describe("app/stream, or //vhost/app/stream") });
const Wish = z.object({ "*": z.string().describe("the key, and /pause, /resume or /move behind it") });

/** What sources the fleet pulls: definitions, states and wishes. */
export function addIngestRoutes(app: FastifyInstance, options: IngestRouteOptions): void {
  const { registry, trusted, allowExec } = options;
  const { ingests } = registry;
  const reveal = { secrets: trusted };
  takeJson(app);
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.get(
    PATH,
    { schema: { summary: "All ingests", response: { 200: IngestList, ...PROBLEMS } } },
    async () => {
      const [records, plan] = await Promise.all([ingests.list(), ingests.plan()]);
      return { ingests: reportIngests(records, plan, reveal) };
    },
  );

  typed.get(
    `${PATH}/*`,
    {
      schema: {
        summary: "One ingest, with its lease and its line of the plan",
        params: Key,
        response: { 200: IngestDetail, ...PROBLEMS },
      },
    },
    ({ params }) => findIngest(options, parseStreamKey(params["*"]), reveal),
  );

  typed.put(
    `${PATH}/*`,
    {
      schema: {
        summary: "Define an ingest, or replace its definition",
        params: Key,
        body: ingestBodySchema,
        response: { 200: IngestDetail, 201: IngestDetail, ...PROBLEMS },
      },
    },
    async ({ params, body }, reply) => {
      const definition = { stream: parseIngestKey(params["*"]), ...body };
      if (!allowExec) refuseExec(definition);
      const result = await ingests.put(definition, BY);
      const report = await findIngest(options, definition.stream, reveal);
      return reply.code(result === "created" ? 201 : 200).send(report);
    },
  );

  typed.delete(
    `${PATH}/*`,
    {
      schema: {
        summary: "Remove an ingest: its owner stops at once",
        params: Key,
        response: { 202: WishedIngest, ...PROBLEMS },
      },
    },
    async ({ params }, reply) => {
      const stream = parseStreamKey(params["*"]);
      if (!(await ingests.remove(stream, BY))) throw ingestNotFound(stream);
      return reply.code(202).send({ stream, wished: "removed" as const });
    },
  );

  typed.post(
    `${PATH}/*`,
    {
      schema: {
        summary: "Pause, resume or move an ingest",
        params: Wish,
        querystring: MoveQuery,
        response: { 202: WishedIngest, ...PROBLEMS },
      },
    },
    async ({ params, query }, reply) => reply.code(202).send(await wish(options, params["*"], query.origin)),
  );
}

async function wish(sources: IngestSources, path: string, origin: string | undefined) {
  const cut = path.lastIndexOf("/");
  const verb = path.slice(cut + 1);
  if (verb !== "pause" && verb !== "resume" && verb !== "move")
    throw new HoldfastError("NOT_FOUND", { detail: "expected /pause, /resume or /move behind the key" });
  const stream = parseStreamKey(path.slice(0, Math.max(0, cut)));
  if (verb !== "move") {
    const known = await sources.registry.ingests.setEnabled(stream, verb === "resume", BY);
    if (!known) throw ingestNotFound(stream);
    return { stream, wished: `${verb}d` as const };
  }
  if (origin === undefined)
    throw new HoldfastError("REQUEST_INVALID", {
      detail: "origin is missing: where to move it, as ?origin=NAME",
    });
  await wishMove(sources.registry, stream, origin, BY);
  return { stream, wished: "moved" as const, origin };
}

/** @throws HoldfastError `INGEST_INVALID` */
function refuseExec({ url, fallback }: IngestDefinition): void {
  if ([url, ...fallback].every((one) => parseSourceUrl(one).scheme !== "exec")) return;
  const detail = "this origin takes no exec: lines: its setting ingest.allowExec is off";
  throw new HoldfastError("INGEST_INVALID", { detail });
}

/** The other paths of this port read no body. */
function takeJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    // A path that reads none lets a program announce JSON and send nothing, as SRS does.
    if (body === "") return done(null, undefined);
    return parse(request, String(body), done);
  });
}
