import type { Logger } from "pino";
import type { Config } from "../config/schema.ts";
import { Admission } from "../ops/admission.ts";
import { systemClock } from "../ops/clock.ts";
import { createApp } from "./app.ts";
import { createHttpPort, type HttpPort } from "./http-port.ts";
import { addFlvRoutes, isFlvPath, type FlvHandlers } from "./routes-flv.ts";
import { addHealthRoutes, type Readiness } from "./routes-health.ts";
import { addPeerRoutes, type OriginIdentity, type PeerDoor } from "./routes-peer.ts";
import { addSrsRoutes, type StreamLookup } from "./srs-compat.ts";

export interface PublicAppOptions {
  readonly config: Pick<Config, "bind" | "http" | "limits" | "srs" | "vhosts">;
  readonly identity: OriginIdentity;
  /** What origins of the same fleet may ask here; nothing when absent. */
  readonly door?: PeerDoor | undefined;
  readonly flv: FlvHandlers;
  /** The fleet's lookup, with its cache: SRS origins ask once per play. */
  readonly lookup: StreamLookup;
  readonly readiness: () => Readiness;
  readonly log: Logger;
}

/**
 * The HTTP port: HTTP-FLV and WS-FLV, health, who lives here, and the coworker answer for SRS. Open to everybody,
 * so nothing here changes anything, except that media is published by POST under the publish gate.
 */
export function createPublicApp(options: PublicAppOptions): HttpPort {
  const { config, flv, log } = options;
  const admission = new Admission(config.limits, systemClock, log);
  const app = createApp({
    log,
    maxHeaderBytes: config.limits.httpHeader,
    maxBodyBytes: config.limits.httpBody,
    headersTimeoutMs: config.limits.handshakeTimeout,
    // A publish by POST is one request for as long as the encoder runs.
    requestTimeoutMs: 0,
    admission,
    catchAll: isFlvPath,
  });

  // Nothing here reads a body, and without a request time-out nothing may wait for one either.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, _body, done) => done(null));
  app.addHook("onRequest", (request, reply, done) => {
    const { "content-length": length = "0", "transfer-encoding": encoding } = request.headers;
    if (length !== "0" || encoding !== undefined) void reply.header("connection", "close");
    done();
  });

  addHealthRoutes(app, options.readiness, { details: false });
  addPeerRoutes(app, options.identity, options.door);
  if (config.srs.coworker === "on") addSrsRoutes(app, { lookup: options.lookup, vhosts: config.vhosts, log });
  addFlvRoutes(app, flv, log);

  const { bind: host, http } = config;
  return createHttpPort(app, admission, {
    host,
    port: http.port,
    setting: "http.port",
    beforeStop: () => flv.stop(),
  });
}
