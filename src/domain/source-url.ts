import { HoldfastError } from "./errors.ts";

export type NetworkScheme = "rtmp" | "rtmps" | "rtsp" | "http" | "https";

/** Where a source is pulled from over the network. */
export interface NetworkSource {
  readonly scheme: NetworkScheme;
  /** A host name or an address; IPv6 without its brackets. */
  readonly host: string;
  /** As written, else the scheme's own. */
  readonly port: number;
  /** Percent-decoded; empty when there is none. */
  readonly user: string;
  readonly password: string;
  /** With its leading slash and as written: percent-encoded where it was. `/` when there is none. */
  readonly path: string;
  /** What follows the first `?`, without it. */
  readonly query: string;
  /** RTMP only, else empty: the path without its last segment, and that segment. The query belongs to `stream`. */
  readonly app: string;
  readonly stream: string;
}

/** A program of this machine that writes FLV to its standard output. */
export interface ExecSource {
  readonly scheme: "exec";
  /** The command line as written. */
  readonly command: string;
}

export type SourceUrl = NetworkSource | ExecSource;

/** Longest URL or command line, in UTF-8 bytes. */
export const MAX_SOURCE_BYTES = 8_192;

const PORTS: Readonly<Record<NetworkScheme, number>> = {
  rtmp: 1935,
  rtmps: 443,
  rtsp: 554,
  http: 80,
  https: 443,
};
const SCHEMES = "rtmp://, rtmps://, rtsp://, http://, https:// or exec:";
const AUTHORITY = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::(\d{1,5}))?$/i;
/** What must be made FLV by a program first. */
const OTHER_MEDIA = /\.(?:m3u8?|mpd|ts|m2ts|mp4|mkv|webm|mov)$/i;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const MASK = "***";

/**
 * Read the URL of an ingest: `rtmp://`, `rtmps://` (`[user:password@]host[:port]/app/stream[?query]`), `rtsp://`,
 * `http://`, `https://`, or `exec:` and a command line.
 *
 * @throws HoldfastError `INGEST_INVALID`; `context.reason` says why in words that quote nothing secret
 */
export function parseSourceUrl(text: string): SourceUrl {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase() ?? "";
  if (Buffer.byteLength(text) > MAX_SOURCE_BYTES)
    throw invalid(`it is longer than ${MAX_SOURCE_BYTES} bytes`);
  if (CONTROL.test(text) || !text.isWellFormed()) throw invalid("it has a control character or a line break");
  if (scheme === "exec") return parseExec(text.slice("exec:".length).trim());
  if (!isNetwork(scheme)) throw invalid(`expected ${SCHEMES}`);
  if (!text.slice(scheme.length).startsWith("://")) throw invalid(`expected // after ${scheme}:`);
  if (/\s/.test(text)) throw invalid("it has a space: write it %20");
  return parseNetwork(scheme, text.slice(scheme.length + 3));
}

/**
 * A source as people without the token may see it: no user, no password, no values of the query; of a command line
 * only the program's name. Whatever cannot be read safely is left out altogether.
 */
export function maskSourceUrl(text: string): string {
  const source = parsedOrNot(text);
  if (source === undefined)
    return `${/^(?:rtmps?|rtsp|https?|exec)(?=:)/i.exec(text)?.[0].toLowerCase() ?? "?"}:…`;
  if (source.scheme === "exec") return `exec:${programOf(source.command)}…`;
  const { scheme, host, port, path, query } = source;
  // With an unescaped / or ? in the password, host and path are not what they seem.
  if (`${path}${query}`.includes("@")) return `${scheme}:…`;
  const shownHost = host.includes(":") ? `[${host}]` : host;
  const shownPort = port === PORTS[scheme] ? "" : `:${port}`;
  return `${scheme}://${shownHost}${shownPort}${path}${query === "" ? "" : `?${maskQuery(query)}`}`;
}

function parsedOrNot(text: string): SourceUrl | undefined {
  try {
    return parseSourceUrl(text);
  } catch {
    return undefined;
  }
}

function parseExec(command: string): ExecSource {
  if (command === "") throw invalid("expected a command line after exec:");
  return { scheme: "exec", command };
}

function parseNetwork(scheme: NetworkScheme, rest: string): NetworkSource {
  if (rest.includes("#")) throw invalid("it has a #: write it %23");
  const end = rest.search(/[/?]/);
  const authority = end < 0 ? rest : rest.slice(0, end);
  const [path = "", ...queries] = (end < 0 ? "" : rest.slice(end)).split("?");
  const at = authority.lastIndexOf("@");
  const match = AUTHORITY.exec(authority.slice(at + 1));
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? PORTS[scheme]);
  if (host === undefined || port < 1 || port > 65_535)
    throw invalid("expected HOST or HOST:PORT; a / or ? in a password is written %2F or %3F");
  const credentials = at < 0 ? "" : authority.slice(0, at);
  const colon = credentials.indexOf(":");
  const names = scheme === "rtmp" || scheme === "rtmps" ? rtmpNames(path) : { app: "", stream: "" };
  if ((scheme === "http" || scheme === "https") && OTHER_MEDIA.test(path))
    throw invalid("over HTTP only FLV is pulled; an exec: line with ffmpeg takes the rest");
  return {
    scheme,
    host,
    port,
    user: decode(colon < 0 ? credentials : credentials.slice(0, colon)),
    password: colon < 0 ? "" : decode(credentials.slice(colon + 1)),
    path: path === "" ? "/" : path,
    query: queries.join("?"),
    ...names,
  };
}

function rtmpNames(path: string): { app: string; stream: string } {
  const cut = path.lastIndexOf("/");
  const app = path.slice(1, Math.max(1, cut));
  const stream = path.slice(cut + 1);
  if (app === "" || stream === "") throw invalid("expected /APP/STREAM after the host");
  return { app: decode(app), stream: decode(stream) };
}

/** `a=1&b` as `a=***&***`. */
function maskQuery(query: string): string {
  const parts = query.split("&").map((part) => {
    const equals = part.indexOf("=");
    return equals < 0 ? MASK : `${part.slice(0, equals)}=${MASK}`;
  });
  return parts.join("&");
}

/** The name of the program and a space, if it is plain to see: `PASSWORD=x program` begins with something else. */
function programOf(command: string): string {
  const name = /^(?:[\w.+/-]*\/)?([\w.+-]+)(?=\s|$)/.exec(command)?.[1];
  return name === undefined ? "" : `${name} `;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid("a % does not begin an escape such as %40");
  }
}

function isNetwork(scheme: string): scheme is NetworkScheme {
  return Object.hasOwn(PORTS, scheme);
}

function invalid(reason: string): HoldfastError {
  return new HoldfastError("INGEST_INVALID", { detail: `the source URL is not valid: ${reason}`, reason });
}
