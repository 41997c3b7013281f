import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";
import { answerRaw, pathOf } from "./answer-errors.ts";

/** What plays and publishes FLV: gets the raw request and owns it from then on, answers, errors and all. */
export interface FlvHandlers {
  /** GET, HEAD and OPTIONS. */
  get(request: IncomingMessage, response: ServerResponse): void;
  post(request: IncomingMessage, response: ServerResponse): void;
  /** A WebSocket upgrade. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** End every connection. */
  stop(): void;
}

/** `/app/stream.flv`, with or without more segments. */
export function isFlvPath(path: string): boolean {
  return path.endsWith(".flv");
}

/** Hand `*.flv` to the media side, before anything of the request is read. */
export function addFlvRoutes(app: FastifyInstance, flv: FlvHandlers, log: Logger): void {
  app.route({
    method: ["GET", "HEAD", "OPTIONS", "POST"],
    url: "/*",
    schema: { hide: true },
    onRequest(request, reply, done) {
      if (!isFlvPath(pathOf(request.url))) return done();
      reply.hijack();
      if (request.method === "POST") flv.post(request.raw, reply.raw);
      else flv.get(request.raw, reply.raw);
    },
    handler: (_request, reply) => reply.callNotFound(),
  });

  app.server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // Without a listener a reset during the answer would end the process.
    socket.on("error", (error) => log.debug({ err: error }, "upgraded connection failed"));
    const websocket = request.headers.upgrade?.toLowerCase() === "websocket";
    if (websocket && request.method === "GET" && isFlvPath(pathOf(request.url ?? "")))
      return flv.upgrade(request, socket, head);
    const detail = "only WebSocket upgrades of /app/stream.flv are answered here";
    answerRaw(socket, new HoldfastError(websocket ? "NOT_FOUND" : "REQUEST_INVALID", { detail }));
  });
}
