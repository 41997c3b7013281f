import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import { asHoldfastError } from "../domain/errors.ts";
import { makeStreamKey, splitStreamKey, type StreamKey } from "../domain/stream-key.ts";
import type { StreamLocation } from "../domain/stream-record.ts";

/** Who owns this stream now? `undefined` when nobody does. Rejects with `REGISTRY_UNAVAILABLE`. */
export type StreamLookup = (key: StreamKey) => Promise<StreamLocation | undefined>;

export interface SrsOptions {
  readonly lookup: StreamLookup;
  /** Vhosts that are not the default one. */
  readonly vhosts: readonly string[];
  readonly log: Logger;
}

/** What SRS asks for, as it wrote it. */
interface ClusterQuery {
  readonly ip: string;
  readonly vhost: string;
  readonly app: string;
  readonly stream: string;
}

/** How SRS writes the owner of a stream. */
interface ClusterOrigin {
  readonly ip: string;
  readonly port: number;
  readonly vhost: string;
  readonly api: string;
  readonly routers: readonly string[];
}

const DEFAULT_VHOST = "__defaultVhost__";

/**
 * `/api/v1/clusters`, as an SRS origin asks its coworkers on every play of a stream it does not have.
 *
 * SRS accepts HTTP 200 with `code` 0 and `data.origin` either an object with `ip` and `port` or null, and asks the
 * next coworker after null. So null is also the answer while the registry is away: an error would help nobody.
 * Source: SRS 6.0.157, srs_app_coworkers.cpp:44-105 and srs_app_http_hooks.cpp:458-510.
 */
export function addSrsRoutes(app: FastifyInstance, options: SrsOptions): void {
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const query = readQuery(request.raw.url ?? "");
    const origin = await findOrigin(query, options);
    return reply.type("application/json").send(JSON.stringify({ code: 0, data: { query, origin } }));
  };
  app.route({ method: ["GET", "POST"], url: "/api/v1/clusters", schema: { hide: true }, handler });
}

async function findOrigin(query: ClusterQuery, options: SrsOptions): Promise<ClusterOrigin | null> {
  try {
    const key = keyOf(query, options.vhosts);
    const location = await options.lookup(key);
    return location ? originOf(key, location) : null;
  } catch (thrown) {
    const error = asHoldfastError(thrown, "INTERNAL");
    const fields = { app: query.app, stream: query.stream, code: error.code };
    if (error.code === "STREAM_NAME_INVALID") options.log.debug(fields, "coworker asked for a bad name");
    else options.log.warn({ ...fields, err: error }, "coworker could not be told the owner");
    return null;
  }
}

/** SRS does not percent-encode what it puts into the query, and decodes nothing: neither do we. */
function readQuery(url: string): ClusterQuery {
  const start = url.indexOf("?");
  const values = new Map<string, string>();
  for (const pair of start < 0 ? [] : url.slice(start + 1).split("&")) {
    const cut = pair.indexOf("=");
    const name = cut < 0 ? pair : pair.slice(0, cut);
    if (!values.has(name)) values.set(name, cut < 0 ? "" : pair.slice(cut + 1));
  }
  const value = (name: string) => values.get(name) ?? "";
  return { ip: value("ip"), vhost: value("vhost"), app: value("app"), stream: value("stream") };
}

function keyOf({ vhost, app, stream }: ClusterQuery, vhosts: readonly string[]): StreamKey {
  const known = vhosts.some((one) => one.toLowerCase() === vhost.toLowerCase());
  return makeStreamKey({ vhost: known ? vhost : "", app, stream });
}

/** An owner without a public RTMP address is of no use to a client of SRS: as good as none. */
function originOf(key: StreamKey, { owner }: StreamLocation): ClusterOrigin | null {
  const colon = owner.rtmp.lastIndexOf(":");
  const port = Number(owner.rtmp.slice(colon + 1));
  if (colon <= 0 || !Number.isInteger(port)) return null;
  const vhost = splitStreamKey(key).vhost || DEFAULT_VHOST;
  return { ip: owner.rtmp.slice(0, colon), port, vhost, api: owner.http, routers: [owner.http] };
}
