import { STATUS_CODES, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import type { HoldfastError } from "../../domain/errors.ts";
import { PROBLEM_TYPE, problemOf } from "../../domain/problem.ts";

/**
 * On every answer, redirects and errors included: a page of any origin may play, and a redirect that is kept for
 * later leads to an owner of the past. Seen: Chromium 156 wants the first on both hops, FFmpeg 5.1 keeps a 302.
 */
export const COMMON_HEADERS: Readonly<Record<string, string>> = Object.freeze({
  "access-control-allow-origin": "*",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
});

/** What is allowed, for a browser that asks before it plays. */
export function answerOptions(response: ServerResponse): void {
  const methods = "GET, HEAD, POST, OPTIONS";
  response.writeHead(204, {
    ...COMMON_HEADERS,
    allow: methods,
    "access-control-allow-methods": methods,
    // The asterisk does not stand for Authorization. [Fetch §4.8]
    "access-control-allow-headers": "*, Authorization",
    "access-control-max-age": "86400",
  });
  response.end();
}

/** Answer with a problem (RFC 9457). Does nothing when the answer has begun. */
export function answerProblem(response: ServerResponse, error: HoldfastError): void {
  if (response.headersSent || response.destroyed) return;
  const { status, body } = problemOf(error);
  const text = JSON.stringify(body);
  response.writeHead(status, {
    ...COMMON_HEADERS,
    "content-type": PROBLEM_TYPE,
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}

/** The same on a connection that asked for a WebSocket; closes it. */
export function answerUpgradeProblem(socket: Duplex, error: HoldfastError): void {
  if (!socket.writable) return void socket.destroy();
  const { status, body } = problemOf(error);
  const text = JSON.stringify(body);
  const headers = {
    ...COMMON_HEADERS,
    "content-type": PROBLEM_TYPE,
    "content-length": Buffer.byteLength(text),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Error"}\r\n${lines.join("")}\r\n`;
  socket.end(head + text, () => socket.destroy());
}
