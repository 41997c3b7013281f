import type { FastifyInstance } from "fastify";

/** What a scrape gets. */
export interface MetricsText {
  readonly contentType: string;
  text(): Promise<string>;
}

/** `/metrics`, for Prometheus. Behind the token, as everything else of the API port. */
export function addMetricsRoute(app: FastifyInstance, metrics: MetricsText): void {
  app.get("/metrics", { schema: { hide: true } }, async (_request, reply) => {
    const text = await metrics.text();
    return reply.type(metrics.contentType).send(text);
  });
}
