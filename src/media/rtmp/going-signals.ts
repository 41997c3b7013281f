import type { ClientProtocol, DrainNotice } from "../../fleet/gates.ts";
import type { AmfObject } from "./amf0.ts";
import { CAN_RECONNECT } from "./answers.ts";
import { connectionCommand } from "./commands.ts";
import { CHUNK_STREAM, MESSAGE, type RtmpMessage } from "./message.ts";

/** The ways to ask a client to connect anew that it announced in `connect`. Most clients know none. */
export interface GoingSignals {
  /** `NetConnection.Connect.ReconnectRequest`. [E-RTMP v2, Reconnect Request] */
  readonly reconnect: boolean;
  /** Message type 0x20, of OBS 27.2 to 29.1. */
  readonly goAway: boolean;
}

export function signalsOf(offer: AmfObject): GoingSignals {
  const capabilities = offer["capsEx"];
  const goAway = offer["supportsGoAway"];
  return {
    reconnect: typeof capabilities === "number" && (capabilities & CAN_RECONNECT) !== 0,
    // Its draft writes the number, OBS sends the boolean.
    goAway: goAway === true || goAway === 1,
  };
}

/** What an encoder of this connection is sent when it should go elsewhere: nothing that it did not announce. */
export function goingMessages(
  { reconnect, goAway }: GoingSignals,
  connection: { readonly protocol: ClientProtocol; readonly tcUrl: string },
  notice: DrainNotice,
): RtmpMessage[] {
  return [
    ...(reconnect ? [reconnectRequest(otherTcUrl(connection, notice))] : []),
    ...(goAway ? [GO_AWAY] : []),
  ];
}

function reconnectRequest(tcUrl: string): RtmpMessage {
  return connectionCommand("onStatus", 0, null, {
    level: "status",
    code: "NetConnection.Connect.ReconnectRequest",
    description: "this origin is going away; connect again",
    ...(tcUrl === "" ? {} : { tcUrl }),
  });
}

const GO_AWAY: RtmpMessage = Object.freeze({
  type: MESSAGE.goAway,
  streamId: 0,
  chunkStreamId: CHUNK_STREAM.control,
  timestamp: 0,
  payload: Buffer.alloc(0),
});

const TC_URL = /^rtmp:\/\/(\[[^\]]*\]|[^/:?#]*)(?::(\d+))?(?=[/?#]|$)/i;
const STANDARD_PORT = "1935";

/**
 * Where the encoder should connect to, as a `tcUrl`; empty for the one it has.
 *
 * Only who dialled this very origin by its public address is sent to another one: any other name may lead through a
 * balancer, which knows better, and an RTMPS encoder is not sent to a plain port.
 */
function otherTcUrl(
  { protocol, tcUrl }: { readonly protocol: ClientProtocol; readonly tcUrl: string },
  { from, next }: DrainNotice,
): string {
  const [start, host = "", port = STANDARD_PORT] = TC_URL.exec(tcUrl) ?? [];
  if (protocol !== "rtmp" || start === undefined || `${host}:${port}`.toLowerCase() !== from.toLowerCase())
    return "";
  const other = next();
  return other === "" ? "" : `rtmp://${other}${tcUrl.slice(start.length)}`;
}
