import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import { HoldfastError } from "../domain/errors.ts";
import type { Registry } from "../domain/ports/registry.ts";
import { reportOrigin, reportOriginDetail } from "../domain/reports.ts";
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
    async ({ params: { name } }) => {
      const [origins, streams, timeLeftMs] = await Promise.all([
        registry.listOrigins(),
        registry.listStreams(),
        registry.sessionTimeLeft(name),
      ]);
      const origin = origins.find((one) => one.name === name);
      if (!origin) throw new HoldfastError("ORIGIN_NOT_FOUND");
      return reportOriginDetail(origin, timeLeftMs, streams);
    },
  );
}
