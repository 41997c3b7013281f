import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyError, FastifyReply } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import type { Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";
import { PROBLEM_TYPE, problemOf } from "../domain/problem.ts";

/**
 * Answer a failed request with its problem (RFC 9457), and log it once.
 *
 * The URL's query is never logged: it may carry tokens.
 */
export function answerError(thrown: unknown, reply: FastifyReply, log: Logger): void {
  const error = toHoldfastError(thrown);
  const { status, body } = problemOf(error);
  const fields = { method: reply.request.method, path: pathOf(reply.request.url), code: error.code };
  if (error.code === "INTERNAL") log.error({ ...fields, err: error.cause }, "request failed");
  else if (status >= 500) log.warn({ ...fields, err: error }, "request failed");
  else log.debug({ ...fields, detail: error.message }, "request refused");
  if (error.code === "UNAUTHORISED") void reply.header("www-authenticate", "Bearer");
  if (error.code === "LIMIT_EXCEEDED") void reply.header("connection", "close");
  // Past the schemas of the route: a problem is the same everywhere.
  void reply.code(status).type(PROBLEM_TYPE).serializer(JSON.stringify).send(body);
}

/** What Fastify or Zod threw, in our words. Anything unknown is `INTERNAL`, with the original as its cause. */
export function toHoldfastError(thrown: unknown): HoldfastError {
  if (thrown instanceof HoldfastError) return thrown;
  if (hasZodFastifySchemaValidationErrors(thrown)) {
    const problems = thrown.validation.map(
      (issue) => `${issue.instancePath.slice(1)}: ${issue.message ?? ""}`,
    );
    return new HoldfastError("REQUEST_INVALID", { detail: problems.join("; ") }, { cause: thrown });
  }
  const { code, statusCode = 500, message } = thrown instanceof Error ? (thrown as FastifyError) : noError;
  if (code === "FST_ERR_BAD_URL")
    return new HoldfastError("REQUEST_INVALID", { detail: "the path is not a valid URL" }, { cause: thrown });
  if (statusCode === 413) return new HoldfastError("LIMIT_EXCEEDED", { detail: message }, { cause: thrown });
  if (statusCode >= 400 && statusCode < 500)
    return new HoldfastError("REQUEST_INVALID", { detail: message }, { cause: thrown });
  return new HoldfastError("INTERNAL", {}, { cause: thrown });
}

const noError = { code: "", statusCode: 500, message: "" };

/** Answer on a socket that has no response object: the request could not be parsed, or wanted an upgrade. */
export function answerRaw(socket: Duplex, error: HoldfastError, status = problemOf(error).status): void {
  if (!socket.writable) return void socket.destroy();
  const body = JSON.stringify({ ...problemOf(error).body, status });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}`,
    `Content-Type: ${PROBLEM_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`, () => socket.destroy());
}

/** What a request that the HTTP parser gave up on is told. */
export function answerBadHttp(error: Error & { code?: string }, socket: Duplex, log: Logger): void {
  log.debug({ code: error.code }, "http connection ended");
  if (error.code === "ECONNRESET") return void socket.destroy();
  if (error.code === "HPE_HEADER_OVERFLOW")
    return answerRaw(socket, new HoldfastError("LIMIT_EXCEEDED", { detail: "the header is too large" }), 431);
  if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") return answerRaw(socket, new HoldfastError("TIMED_OUT"));
  answerRaw(socket, new HoldfastError("PROTOCOL_VIOLATION", { detail: "this is not a valid HTTP request" }));
}

/** The path of a request target, without its query. */
export function pathOf(url: string): string {
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}
