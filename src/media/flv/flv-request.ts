import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { splitStreamKey, type StreamKey } from "../../domain/stream-key.ts";
import type { ClientInfo } from "../../fleet/gates.ts";
import { plainAddress } from "../../ops/connection-limits.ts";
import { readStreamName } from "../stream-name.ts";

/** What a request for a stream over HTTP asks for. */
export interface FlvTarget {
  readonly key: StreamKey;
  /** The client's query, without our own mark. Carries secrets: never logged. */
  readonly query: string;
  /** Another origin has sent this client here. */
  readonly redirected: boolean;
}

const SCHEME_AND_HOST = /^https?:\/\/[^/?#]*/i;
const ENDING = /\.flv$/;
const REDIRECTED = "redirected=1";
const LONGEST_AGENT = 128;

/**
 * Read `/app/stream.flv?query`. The path means what the same path means in an RTMP URL: percent-encoded, nested
 * apps, `vhost=` in the query when it is one of `vhosts`.
 *
 * @throws HoldfastError `STREAM_NAME_INVALID`
 */
export function readFlvTarget(url: string, vhosts: readonly string[]): FlvTarget {
  const target = url.replace(SCHEME_AND_HOST, "");
  const cut = target.indexOf("?");
  const path = (cut < 0 ? target : target.slice(0, cut)).replace(ENDING, "");
  const parameters = cut < 0 ? [] : target.slice(cut + 1).split("&");
  const query = parameters.filter((parameter) => parameter !== REDIRECTED).join("&");
  const name = readStreamName({ app: "", tcUrl: "" }, query === "" ? path : `${path}?${query}`, vhosts);
  return { key: name.key, query: name.query, redirected: parameters.includes(REDIRECTED) };
}

/** Where a player is sent: the same stream at `address`, with the same query and a mark against loops. */
export function redirectLocation(address: string, { key, query }: FlvTarget): string {
  const { app, stream } = splitStreamKey(key);
  const path = `${app}/${stream}`.split("/").map(encodeURIComponent).join("/");
  return `http://${address}/${path}.flv?${query === "" ? "" : `${query}&`}${REDIRECTED}`;
}

/** Who asks. */
export function clientOf(request: IncomingMessage, protocol: "http-flv" | "ws-flv"): ClientInfo {
  return {
    id: randomUUID(),
    protocol,
    address: plainAddress(request.socket.remoteAddress ?? ""),
    agent: (request.headers["user-agent"] ?? "").slice(0, LONGEST_AGENT),
    srs: false,
  };
}
