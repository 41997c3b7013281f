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
 *
 * `details` tell where the registry is: not for a port that everybody reaches.
 */
export function addHealthRoutes(
  app: FastifyInstance,
  readiness: () => Readiness,
  { details }: { readonly details: boolean },
): void {
  app.get("/livez", { schema: { hide: true } }, (_request, reply) => reply.send({ status: "alive" }));
  app.get("/readyz", { schema: { hide: true } }, (_request, reply) => {
    const checks = Object.entries(readiness());
    const ready = checks.every(([, { ok }]) => ok);
    const shown = checks.map(([name, check]) => [name, details ? check : { ok: check.ok }]);
    return reply
      .code(ready ? 200 : 503)
      .send({ status: ready ? "ready" : "not ready", checks: Object.fromEntries(shown) as object });
  });
}
