import type { OriginDescription } from "./origin-record.ts";

/** `play.remote`: how a stream of another origin is played. */
export type RemotePolicy = "auto" | "redirect" | "relay";

/** Everything that decides how a play of a stream with a live owner is served. */
export interface PlayQuestion {
  readonly remote: RemotePolicy;
  readonly protocol: "rtmp" | "rtmps" | "http-flv" | "ws-flv";
  /** The client is an SRS edge or origin: the one RTMP client that follows a 302 at play time. */
  readonly srs: boolean;
  /** This request is known to have been redirected once already. */
  readonly redirected: boolean;
  /** The origin that was asked. */
  readonly self: Pick<OriginDescription, "name" | "host" | "instance" | "rtmp" | "http">;
  /** The owner's session. */
  readonly owner: Pick<OriginDescription, "name" | "host" | "instance" | "rtmp" | "http" | "state">;
}

export type PlayRoute =
  | { readonly to: "redirect"; readonly address: string }
  | { readonly to: "relay" }
  /** The record names this very origin, which has no such stream: stale, as good as nobody. */
  | { readonly to: "nobody" };

/**
 * Where a play goes whose stream has a live owner elsewhere.
 *
 * A redirect needs a client that follows it and an address to send it to, and never leads back here, nor to an owner
 * that is about to go; on doubt the stream is relayed, which every player can play. WebSocket clients follow no redirect, and an RTMPS player is not
 * sent to a plain port. Of the stock RTMP players only the SRS edge (seen: 7.0.18) follows a 302; FFmpeg 5.1, 7.0
 * and 8.1, mpv 0.35, VLC 3.0, GStreamer 1.22 and rtmpdump 2.4 do not.
 */
export function decidePlay(question: PlayQuestion): PlayRoute {
  const { remote, redirected, self, owner } = question;
  if (owner.name === self.name || owner.instance === self.instance) return { to: "nobody" };
  // The owner is a worker beside this one: whatever leads to its public address may end here again.
  if (owner.host === self.host) return { to: "relay" };
  if (remote === "relay" || redirected || owner.state === "draining") return { to: "relay" };
  const address = redirectAddress(question);
  return address === "" ? { to: "relay" } : { to: "redirect", address };
}

/** Empty when this client cannot be redirected. */
function redirectAddress({ remote, protocol, srs, self, owner }: PlayQuestion): string {
  if (protocol === "rtmp" && (srs || remote === "redirect"))
    return owner.rtmp === self.rtmp ? "" : owner.rtmp;
  if (protocol === "http-flv") return owner.http === self.http ? "" : owner.http;
  return "";
}
