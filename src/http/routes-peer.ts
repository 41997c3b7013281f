import type { FastifyInstance, FastifyRequest } from "fastify";
import { HoldfastError } from "../domain/errors.ts";
import { parseStreamKey, type StreamKey } from "../domain/stream-key.ts";
import { pathOf } from "./answer-errors.ts";
import { LinkHolder } from "./link-holder.ts";

/** Who answers here. */
export interface OriginIdentity {
  readonly name: string;
  /** Random id of this process. */
  readonly instance: string;
}

/** What origins of the same fleet may ask. */
export interface PeerDoor {
  /**
   * Accept the `Authorization` header of another origin's request, such as `GET /fleet/v1/link`, once.
   *
   * @throws HoldfastError `TICKET_INVALID`
   */
  admit(header: string | undefined, subject: string): void;
  /** Whether this origin pulls that ingest now. */
  pullsNow(stream: StreamKey): boolean;
}

/** Makes the `Authorization` header for a request to that instance; `undefined` without a `cluster.key`. */
export type Authorize = (instance: string, subject: string) => string | undefined;

/** Where an origin says who it is. Needs no key: the answer proves life and nothing else. */
export const INSTANCE_PATH = "/fleet/v1/instance";
/** An answer without an end: it ends with the process. */
export const LINK_PATH = "/fleet/v1/link";
const INGESTS_PATH = "/fleet/v1/ingests/";

const SHUT: PeerDoor = {
  admit() {
    throw new HoldfastError("TICKET_INVALID", { detail: "this origin has no cluster.key" });
  },
  pullsNow: () => false,
};

/** Where an origin says whether it pulls an ingest. */
export function ingestPath(stream: StreamKey): string {
  return INGESTS_PATH + encodeURIComponent(stream);
}

/**
 * What other origins ask: who lives here; whether it still does, by a link; and what it pulls. All but the first need
 * the cluster key.
 */
export function addPeerRoutes(app: FastifyInstance, identity: OriginIdentity, door = SHUT): void {
  const { name, instance } = identity;
  const links = new LinkHolder(identity);
  const options = { schema: { hide: true } };
  const admit = ({ method, headers, url }: FastifyRequest) =>
    door.admit(headers.authorization, `${method} ${pathOf(url)}`);

  app.get(INSTANCE_PATH, options, (_request, reply) => reply.send({ name, instance }));

  app.get(LINK_PATH, { ...options, exposeHeadRoute: false }, (request, reply) => {
    admit(request);
    reply.hijack();
    links.hold(reply.raw);
  });
  app.addHook("preClose", (done) => {
    links.end();
    done();
  });

  app.get<{ Params: { "*": string } }>(`${INGESTS_PATH}*`, options, (request, reply) => {
    admit(request);
    const stream = parseStreamKey(request.params["*"]);
    return reply.send({ instance, pulls: door.pullsNow(stream) });
  });
}
