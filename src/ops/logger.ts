import pino from "pino";
import type { DestinationStream, Logger } from "pino";
import { HoldfastError } from "../domain/errors.ts";

/** Fields that never reach a log, at any of the first three depths. A fencing token is no secret and is logged as `token`. */
const SECRET_FIELDS = [
  "ticket",
  "query",
  "password",
  "secret",
  "authorization",
  "apiToken",
  "clusterKey",
  "previousKey",
  "cookie",
];
const CENSOR = "***";

// What follows may stand anywhere in a text: an error of a library, a URL, a stack.
const CREDENTIALS = /(:\/\/)[^\s"']*@/g;
const QUERY = /\?[\w.%[\]-]+=[^\s"']*/g;
const BEARER = /\b(Bearer|Basic)\s+[\w.~+/=-]+/gi;

const MAX_CAUSES = 4;

/**
 * The log of one origin: one JSON line per event, on stderr unless a destination is given (data goes to stdout).
 *
 * Secrets are taken out of every line: the fields above, credentials in URLs, queries, authorization headers.
 */
export function createLogger(
  settings: { readonly level: string },
  bindings: Readonly<Record<string, unknown>>,
  destination: DestinationStream = pino.destination({ fd: 2, sync: true }),
): Logger {
  const options: pino.LoggerOptions = {
    level: settings.level,
    base: { ...bindings },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]),
      censor: CENSOR,
    },
    serializers: { err: describeError, error: describeError },
    hooks: { streamWrite: scrub },
  };
  return pino(options, destination);
}

/** A text without credentials and queries. */
export function scrub(text: string): string {
  return text
    .replaceAll(CREDENTIALS, `$1${CENSOR}@`)
    .replaceAll(QUERY, `?${CENSOR}`)
    .replaceAll(BEARER, `$1 ${CENSOR}`);
}

/**
 * An error as fields: only those known to be harmless. Redis errors, for one, carry the command that failed,
 * and that may be AUTH.
 */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return typeof error === "string" ? error : String(error);
  const { code, syscall, address, port } = error as NodeJS.ErrnoException & {
    address?: string;
    port?: number;
  };
  const fields: Record<string, unknown> = { type: error.name, message: error.message };
  for (const [name, value] of Object.entries({ code, syscall, address, port }))
    if (value !== undefined) fields[name] = value;
  if (error instanceof HoldfastError) fields["context"] = error.context;
  else fields["stack"] = error.stack;
  if (error.cause !== undefined && depth < MAX_CAUSES)
    fields["cause"] = describeError(error.cause, depth + 1);
  return fields;
}
