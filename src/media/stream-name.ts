import { makeStreamKey, trimSlashes, type StreamKey } from "../domain/stream-key.ts";

/** What `connect` said about the place. Both may be empty, neither is trusted. */
export interface ConnectTarget {
  /** The app as sent: may be nested, end in a slash, carry a query. */
  readonly app: string;
  /** The whole URL that the client connected to. */
  readonly tcUrl: string;
}

/** Which stream a client means. */
export interface StreamName {
  readonly key: StreamKey;
  /** The client's query without `?`; of a play, without the ticket. Carries secrets: never logged. */
  readonly query: string;
  /** The relay ticket of another origin; of an RTMP play only. */
  readonly ticket?: string;
}

/** The parameter of a play that holds the relay ticket. A name of our own: `ticket` belongs to the users. */
export const TICKET_PARAMETER = "holdfast-ticket";

interface Parameter {
  readonly name: string;
  readonly value: string;
  /** As the client wrote it. */
  readonly text: string;
}

const SCHEME_AND_HOST = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;
/** What Flash, ffmpeg and rtmpdump put before names of files. */
const CONTAINER_PREFIX = /^(?:\/*(?:mp4|flv|mp3):)+/;
/** ffmpeg and rtmpdump cut it off a URL's end, so it cannot tell two streams apart. Nor can two of them. */
const FLV_ENDING = ".flv";

/**
 * Read the stream key and the query from what a client sent in `connect` and in `publish` or `play`.
 *
 * Clients split one URL differently: app and stream are therefore joined again, and the last segment of the whole is
 * the stream. Queries of the stream name, the app and the tcUrl are joined in this order; where two of them set the
 * same parameter, the first one counts. `vhost=` counts when it names a known vhost other than the default.
 *
 * @param vhosts the known vhosts of the configuration
 * @throws HoldfastError `STREAM_NAME_INVALID`
 */
export function readStreamName(target: ConnectTarget, name: string, vhosts: readonly string[]): StreamName {
  return readName(target, name, vhosts, undefined);
}

/**
 * The same for an RTMP play, which another origin may have sent: then it holds a ticket, which is taken out of the
 * query, and the name is taken as it is, but for percent-encoding.
 *
 * @throws HoldfastError `STREAM_NAME_INVALID`
 */
export function readPlayName(target: ConnectTarget, name: string, vhosts: readonly string[]): StreamName {
  return readName(target, name, vhosts, TICKET_PARAMETER);
}

function readName(
  target: ConnectTarget,
  name: string,
  vhosts: readonly string[],
  ticketParameter: string | undefined,
): StreamName {
  const [streamPath, streamQuery] = cutQuery(name);
  const [urlPath, urlQuery] = cutQuery(target.tcUrl.replace(SCHEME_AND_HOST, ""));
  const [ownAppPath, appQuery] = cutQuery(target.app);
  const appPath = trimSlashes(ownAppPath) === "" ? urlPath : ownAppPath;

  const parameters = joinQueries([streamQuery, appQuery, urlQuery]);
  const ticket = parameters.find((parameter) => parameter.name === ticketParameter)?.value;
  const query = parameters
    .filter((parameter) => parameter.name !== ticketParameter)
    .map((parameter) => parameter.text)
    .join("&");

  const stream = percentDecoded(streamPath);
  const path = [percentDecoded(appPath), ticket === undefined ? plainName(stream) : stream]
    .map(trimSlashes)
    .filter((part) => part !== "")
    .join("/");
  const cut = path.lastIndexOf("/");
  const key = makeStreamKey({
    vhost: knownVhost(parameters, vhosts),
    app: cut < 0 ? path : path.slice(0, cut),
    stream: cut < 0 ? "" : path.slice(cut + 1),
  });
  return ticket === undefined ? { key, query } : { key, query, ticket };
}

function plainName(stream: string): string {
  const name = trimSlashes(stream).replace(CONTAINER_PREFIX, "");
  let end = name.length;
  // No expression: it would look for the end from every beginning, and a stranger's name may be long.
  while (name.endsWith(FLV_ENDING, end)) {
    const before = name[end - FLV_ENDING.length - 1];
    if (before === undefined || before === "/") break;
    end -= FLV_ENDING.length;
  }
  return name.slice(0, end);
}

function cutQuery(text: string): readonly [path: string, query: string] {
  const cut = text.indexOf("?");
  return cut < 0 ? [text, ""] : [text.slice(0, cut), text.slice(cut + 1)];
}

function joinQueries(queries: readonly string[]): Parameter[] {
  const all: Parameter[] = [];
  for (const query of queries) {
    const known = new Set(all.map((parameter) => parameter.name));
    for (const text of query.split("&")) {
      if (text === "") continue;
      const cut = text.indexOf("=");
      const name = percentDecoded(cut < 0 ? text : text.slice(0, cut));
      const value = cut < 0 ? "" : percentDecoded(text.slice(cut + 1));
      if (!known.has(name)) all.push({ name, value, text });
    }
  }
  return all;
}

function knownVhost(parameters: readonly Parameter[], vhosts: readonly string[]): string {
  const asked = parameters.find((parameter) => parameter.name === "vhost")?.value.toLowerCase();
  if (asked === undefined || asked === "" || asked === "__defaultvhost__") return "";
  return vhosts.some((vhost) => vhost.toLowerCase() === asked) ? asked : "";
}

/** A text with a stray `%` was not encoded and is left alone. */
function percentDecoded(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
