import { splitStreamKey, type StreamKey } from "../../domain/stream-key.ts";
import { streamCommand } from "./commands.ts";
import type { RtmpMessage } from "./message.ts";

/** Where a player is sent. */
export interface Redirect {
  /** Message stream of the play. */
  readonly streamId: number;
  /** `standard` ends every client that does not follow; `srs` is what SRS itself sends. */
  readonly form: "standard" | "srs";
  readonly scheme: "rtmp" | "rtmps";
  /** `host:port` of the owner. */
  readonly address: string;
  readonly key: StreamKey;
  /** The client's query, without the ticket. */
  readonly query: string;
}

const CODES = { standard: "NetStream.Play.StreamNotFound", srs: "NetConnection.Connect.Rejected" } as const;

/**
 * The RTMP 302: an `onStatus` of the play that SRS edges follow and that fails every other player at once.
 *
 * `redirect` has the form of a tcUrl, `redirect2` is the whole URL. SRS takes host and port of `redirect2`.
 *
 * @see SRS, SrsRtmpServer::redirect; ossrs/srs#1575
 */
export function redirectMessage(redirect: Redirect): RtmpMessage {
  const { app, stream } = splitStreamKey(redirect.key);
  const tcUrl = `${redirect.scheme}://${redirect.address}/${encodeURI(app)}`;
  const query = redirect.query === "" ? "" : `?${redirect.query}`;
  return streamCommand(redirect.streamId, "onStatus", 0, null, {
    level: "error",
    code: CODES[redirect.form],
    description: "RTMP 302 Redirect",
    ex: { code: 302, redirect: tcUrl, redirect2: `${tcUrl}/${encodeURI(stream)}${query}` },
  });
}
