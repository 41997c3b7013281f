import type { FastifyInstance } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { EVENT_LOG_LENGTH, isEventWanted } from "../domain/event-log.ts";
import type { Registry } from "../domain/ports/registry.ts";
import { reportEvent } from "../domain/reports.ts";
import { EventList, EventQuery, PROBLEMS } from "./schemas.ts";

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
      const recent = await registry.recentEvents(filtered ? EVENT_LOG_LENGTH : count);
      const events = recent.filter((event) => isEventWanted(event, { stream, origin }));
      return { events: events.slice(-count).map(reportEvent) };
    },
  );
}
