import type { FastifyInstance } from "fastify";

/** Who answers here. */
export interface OriginIdentity {
  readonly name: string;
  /** Random id of this process. */
  readonly instance: string;
}

/** Where an origin says who it is. Needs no key: the answer proves life and nothing else. */
export const INSTANCE_PATH = "/fleet/v1/instance";

/** `/fleet/v1/instance`: asked by an origin that finds its own name registered by another instance. */
export function addPeerRoutes(app: FastifyInstance, identity: OriginIdentity): void {
  const { name, instance } = identity;
  app.get(INSTANCE_PATH, { schema: { hide: true } }, (_request, reply) => reply.send({ name, instance }));
}
