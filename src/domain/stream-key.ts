import { HoldfastError } from "./errors.ts";

declare const brand: unique symbol;

/**
 * The name of a stream in the whole fleet: `app/stream`, where app may be nested (`a/b/stream`);
 * with a vhost other than the default: `//vhost/app/stream`.
 */
export type StreamKey = string & { readonly [brand]: "StreamKey" };

export interface StreamKeyParts {
  /** Empty for the default vhost. */
  readonly vhost: string;
  /** One or more segments joined by `/`. */
  readonly app: string;
  /** The last segment. */
  readonly stream: string;
}

/** Longest key in UTF-8 bytes: RTMP names are short, Redis keys should be, and log lines must stay readable. */
export const MAX_KEY_BYTES = 512;

const MAX_SEGMENTS = 16;
const VHOST = /^[a-z0-9_](?:[a-z0-9_.-]{0,252})$/i;
// Control characters, DEL and line separators would break log lines and terminals; "?" and "#" end a name in a URL.
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\u2028\u2029?#\\]/;

/**
 * Make a key from what a client sent, already percent-decoded and without the query.
 *
 * @throws HoldfastError `STREAM_NAME_INVALID` with the reason in `context.detail`
 */
export function makeStreamKey(parts: StreamKeyParts): StreamKey {
  const app = trimSlashes(parts.app);
  const stream = trimSlashes(parts.stream);
  if (app === "") throw invalid("the app name is empty");
  if (stream === "") throw invalid("the stream name is empty");
  const path = `${app}/${stream}`;
  const segments = path.split("/");
  if (segments.length > MAX_SEGMENTS) throw invalid(`it has more than ${MAX_SEGMENTS} segments`);
  for (const segment of segments) checkSegment(segment);
  if (parts.vhost !== "" && !VHOST.test(parts.vhost)) throw invalid("the vhost is not a host name");
  const key = parts.vhost === "" ? path : `//${parts.vhost.toLowerCase()}/${path}`;
  if (Buffer.byteLength(key) > MAX_KEY_BYTES) throw invalid(`it is longer than ${MAX_KEY_BYTES} bytes`);
  return key as StreamKey;
}

/**
 * Read a key in its written form, from a URL path, the command line or the registry.
 *
 * @throws HoldfastError `STREAM_NAME_INVALID`
 */
export function parseStreamKey(text: string): StreamKey {
  return makeStreamKey(splitText(text));
}

/** The parts of a key. */
export function splitStreamKey(key: StreamKey): StreamKeyParts {
  return splitText(key);
}

function splitText(text: string): StreamKeyParts {
  const hasVhost = text.startsWith("//");
  const rest = hasVhost ? text.slice(2) : text;
  const vhostEnd = hasVhost ? rest.indexOf("/") : -1;
  if (hasVhost && vhostEnd <= 0) throw invalid("//vhost/app/stream is expected");
  const vhost = hasVhost ? rest.slice(0, vhostEnd) : "";
  const path = hasVhost ? rest.slice(vhostEnd + 1) : rest;
  const cut = path.lastIndexOf("/");
  if (cut < 0) throw invalid("app/stream is expected");
  return { vhost, app: path.slice(0, cut), stream: path.slice(cut + 1) };
}

function checkSegment(segment: string): void {
  if (segment === "") throw invalid("it has an empty segment");
  if (segment === "." || segment === "..") throw invalid('"." and ".." are not segments');
  if (segment !== segment.trim()) throw invalid("a segment begins or ends with a space");
  if (FORBIDDEN.test(segment)) throw invalid("it has a character that is not allowed (control, ?, # or \\)");
  if (!segment.isWellFormed()) throw invalid("it is not valid Unicode");
}

/** Without slashes at both ends. */
export function trimSlashes(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start] === "/") start++;
  while (end > start && text[end - 1] === "/") end--;
  return text.slice(start, end);
}

function invalid(reason: string): HoldfastError {
  return new HoldfastError("STREAM_NAME_INVALID", {
    detail: `the stream name is not valid: ${reason}`,
    reason,
  });
}
