import type { Socket } from "node:net";
import Fastify, { type FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";
import type { Admission } from "../ops/admission.ts";
import { collectAllowedMethods } from "./allowed-methods.ts";
import { answerBadHttp, answerError, pathOf } from "./answer-errors.ts";

const CHECK_EVERY_MS = 1_000;
const KEEP_ALIVE_MS = 10_000;

export interface AppOptions {
  readonly log: Logger;
  /** Longest request header, in bytes. */
  readonly maxHeaderBytes: number;
  /** Longest body of a request that is not media, in bytes. */
  readonly maxBodyBytes: number;
  /** Longest time until the header of a request is complete, in ms. */
  readonly headersTimeoutMs: number;
  /** Longest time until the whole request is received, in ms; 0 for no limit (media is published by POST). */
  readonly requestTimeoutMs: number;
  /** How many connections, in all and of one address. */
  readonly admission: Admission;
  /** Narrows a `/*` route to the paths that it serves. */
  readonly catchAll?: (path: string) => boolean;
}

/**
 * A Fastify application as both HTTP ports need it: limits, time-outs, problems (RFC 9457) for every error, and no
 * log line that could hold a query.
 */
export function createApp(options: AppOptions): FastifyInstance {
  const { log } = options;
  const app: FastifyInstance = Fastify({
    logger: false,
    bodyLimit: options.maxBodyBytes,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: options.requestTimeoutMs,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    http: {
      maxHeaderSize: options.maxHeaderBytes,
      headersTimeout: options.headersTimeoutMs,
      connectionsCheckingInterval: CHECK_EVERY_MS,
    },
    frameworkErrors: (error, _request, reply) => answerError(error, reply, log),
    clientErrorHandler: (error, socket) => answerBadHttp(error, socket, log),
  });
  app.server.on("connection", (socket: Socket) => void options.admission.admit(socket));

  const allowedMethods = collectAllowedMethods(app, options.catchAll ?? (() => false));
  app.setErrorHandler((error, _request, reply) => answerError(error, reply, log));
  app.setNotFoundHandler((request, reply) => {
    const allowed = allowedMethods(pathOf(request.url));
    if (allowed.length === 0) throw new HoldfastError("NOT_FOUND");
    void reply.header("allow", allowed.join(", "));
    throw new HoldfastError("METHOD_NOT_ALLOWED", { detail: `this path takes ${allowed.join(", ")}` });
  });
  app.addHook("onRequest", (_request, reply, done) => {
    void reply.headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
    done();
  });
  return app;
}
