import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { HoldfastError } from "../domain/errors.ts";
import type { Registry } from "../domain/ports/registry.ts";
import { reportOrigin } from "../domain/reports.ts";
import { findOriginDetail } from "../fleet/origin-detail.ts";
import { OriginDetail, OriginList, PROBLEMS, WishedState } from "./schemas.ts";

const WISHES = [
  ["drain", "draining", "Ask an origin to move its encoders to others, keep its players, and end"],
  ["undrain", "up", "Ask an origin that drains to take new streams again"],
] as const;

/** What origins the fleet has. */
export function addOriginRoutes(app: FastifyInstance, registry: Registry): void {
  const typed = app.withTypeProvider<ZodTypeProvider>();

  typed.get(
    "/api/fleet/v1/origins",
    {
      schema: { summary: "All live origins", response: { 200: OriginList, ...PROBLEMS } },
    },
    async () => {
      const origins = await registry.listOrigins();
      return { origins: origins.map(reportOrigin) };
    },
  );

  typed.get(
    "/api/fleet/v1/origins/:name",
    {
      schema: {
        summary: "One origin, with the streams it owns",
        params: z.object({ name: z.string() }),
        response: { 200: OriginDetail, ...PROBLEMS },
      },
    },
    ({ params: { name } }) => findOriginDetail(registry, name),
  );

  for (const [verb, wished, summary] of WISHES)
    typed.post(
      `/api/fleet/v1/origins/:name/${verb}`,
      {
        schema: {
          summary,
          params: z.object({ name: z.string() }),
          response: { 202: WishedState, ...PROBLEMS },
        },
      },
      async ({ params: { name } }, reply) => {
        const session = await registry.wishState(name, wished, "api");
        if (!session) throw new HoldfastError("ORIGIN_NOT_FOUND");
        return reply.code(202).send({ origin: name, ...session, wished });
      },
    );
}
