import type { NetworkSource } from "../../domain/source-url.ts";

/**
 * The URL of the stream that an RTMP redirect means: `redirect2` and old SRS name the stream, a `redirect` of today is
 * the tcUrl of another server, where the stream has the same name. [ossrs/srs#1575]
 */
export function redirectedUrl(location: string, from: NetworkSource): string {
  const [, server, path = ""] = /^(\w+:\/\/[^/?]+)\/*([^?]*)/.exec(location) ?? [];
  if (server === undefined) return location;
  const named = path.replace(/\/+$/, "");
  const [app, stream] = splitPath(from.path);
  if (named.includes("/") && named !== app && unescaped(named) !== from.app) return location;
  const query = from.query === "" ? "" : `?${from.query}`;
  return `${server}/${named === "" ? app : named}/${stream}${query}`;
}

function splitPath(path: string): [app: string, stream: string] {
  const cut = path.lastIndexOf("/");
  return [path.slice(1, cut), path.slice(cut + 1)];
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
