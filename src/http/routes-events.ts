import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { Registry } from "../domain/ports/registry.ts";
import { reportEvent } from "../domain/reports.ts";
import { EventList, EventQuery, PROBLEMS } from "./schemas.ts";

/** As many events as the registry keeps. */
const ALL = 10_000;

/** What happened in the fleet. */
export function addEventRoutes(app: FastifyInstance, registry: Registry): void {
  app.withTypeProvider<ZodTypeProvider>().get(
    "/api/fleet/v1/events",
    {
      schema: {
        summary: "The newest events",
        querystring: EventQuery,
        response: { 200: EventList, ...PROBLEMS },
      },
    },
    async ({ query: { count, stream, origin } }) => {
      const filtered = stream !== undefined || origin !== undefined;
      const events = (await registry.recentEvents(filtered ? ALL : count)).filter(
        ({ fields }) =>
          (stream === undefined || fields["stream"] === stream) &&
          (origin === undefined || fields["origin"] === origin),
      );
      return { events: events.slice(-count).map(reportEvent) };
    },
  );
}
