import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { Registry } from "../domain/ports/registry.ts";
import { reportOrigin } from "../domain/reports.ts";
import { findOriginDetail } from "../fleet/origin-detail.ts";
import { OriginDetail, OriginList, PROBLEMS } from "./schemas.ts";

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
}
