import { HoldfastError } from "../../domain/errors.ts";

/** A stream's URL, taken apart the way RTMP clients do: nothing is percent-decoded. */
export interface RtmpUrl {
  readonly tls: boolean;
  /** Without brackets where it is an IPv6 address. */
  readonly host: string;
  readonly port: number;
  /** May be nested: `a/b`. */
  readonly app: string;
  /** The last segment; empty when the URL names an app only. */
  readonly stream: string;
  /** Without `?`. May carry secrets: never log it. */
  readonly query: string;
  /** `vhost=` of the query; empty when there is none. */
  readonly vhost: string;
}

const URL_FORM = /^(rtmps?):\/\/([^/?#]*)\/*([^]*)$/i;
const HOST_FORM = /^(?:\[([0-9a-f:.]+)\]|([^:\s[\]@]+))(?::(\d{1,5}))?$/i;

/**
 * Read `rtmp://host:port/app/nested/stream?query`, or rtmps. Ports default to 1935 and 443.
 *
 * The old form with the query behind the app, `rtmp://host/app?vhost=v/stream`, is read, too.
 *
 * @throws HoldfastError `REQUEST_INVALID`
 */
export function parseRtmpUrl(text: string): RtmpUrl {
  const match = URL_FORM.exec(text.trim());
  if (!match) throw invalid("rtmp://host:port/app/stream is expected");
  const tls = (match[1] as string).toLowerCase() === "rtmps";
  const authority = match[2] as string;
  if (authority.includes("@")) throw invalid("a user name in the URL is not supported");
  const { host, port } = parseAddress(authority, tls ? 443 : 1935);
  const { path, query } = splitQuery(match[3] as string);
  const cut = path.lastIndexOf("/");
  const app = trimSlashes(cut < 0 ? path : path.slice(0, cut));
  if (app === "") throw invalid("the app name is empty");
  return {
    tls,
    host,
    port,
    app,
    stream: cut < 0 ? "" : path.slice(cut + 1),
    query,
    vhost: new URLSearchParams(query).get("vhost") ?? "",
  };
}

/**
 * Read `host:port`, `[v6]:port`, or without a port where `standardPort` is given.
 *
 * @throws HoldfastError `REQUEST_INVALID`
 */
export function parseAddress(text: string, standardPort?: number): { host: string; port: number } {
  const match = HOST_FORM.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? standardPort : Number(match[3]);
  if (host === undefined || port === undefined || port < 1 || port > 65_535)
    throw invalid(`${JSON.stringify(text)} is no address`);
  return { host, port };
}

/** `host:port`, with brackets where the host is an IPv6 address. */
export function formatAddress(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The `tcUrl` of connect: scheme, address and app, never the stream. The port is always named. */
export function formatTcUrl(url: Pick<RtmpUrl, "tls" | "host" | "port" | "app">): string {
  return `${url.tls ? "rtmps" : "rtmp"}://${formatAddress(url.host, url.port)}/${url.app}`;
}

/** The stream name of play and publish: with its query, where tokens live. */
export function formatStreamName(url: Pick<RtmpUrl, "stream" | "query">): string {
  return url.query === "" ? url.stream : `${url.stream}?${url.query}`;
}

/** Cut at the first `?`. A query behind an app of one segment ends at its last slash, where the stream begins. */
function splitQuery(text: string): { path: string; query: string } {
  const mark = text.indexOf("?");
  if (mark < 0) return { path: text, query: "" };
  const path = text.slice(0, mark);
  const query = text.slice(mark + 1);
  const slash = query.lastIndexOf("/");
  if (trimSlashes(path).includes("/") || slash < 0) return { path, query };
  return { path: `${trimSlashes(path)}/${query.slice(slash + 1)}`, query: query.slice(0, slash) };
}

function trimSlashes(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start] === "/") start++;
  while (end > start && text[end - 1] === "/") end--;
  return text.slice(start, end);
}

function invalid(reason: string): HoldfastError {
  return new HoldfastError("REQUEST_INVALID", { detail: `the RTMP URL is not valid: ${reason}`, reason });
}
