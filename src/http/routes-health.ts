import type { FastifyInstance } from "fastify";

/** One thing that an origin needs in order to take new streams. */
export interface ReadinessCheck {
  readonly ok: boolean;
  /** One sentence for the operator. */
  readonly detail: string;
}

/** The checks by name, such as `session` or `registry`. The origin is ready when all are ok. */
export type Readiness = Readonly<Record<string, ReadinessCheck>>;

/**
 * `/livez`: this process answers; never asks the registry, so that losing Redis restarts nothing.
 * `/readyz`: 200 while new streams can be taken here, else 503; both with the checks.
 */
export function addHealthRoutes(app: FastifyInstance, readiness: () => Readiness): void {
  app.get("/livez", { schema: { hide: true } }, (_request, reply) => reply.send({ status: "alive" }));
  app.get("/readyz", { schema: { hide: true } }, (_request, reply) => {
    const checks = readiness();
    const ready = Object.values(checks).every((check) => check.ok);
    return reply.code(ready ? 200 : 503).send({ status: ready ? "ready" : "not ready", checks });
  });
}
