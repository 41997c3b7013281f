import type { ClientInfo, ClientProtocol } from "../../fleet/gates.ts";
import { isAmfObject, type AmfObject, type AmfValue } from "./amf0.ts";
import type { RtmpCommand } from "./commands.ts";
import { signalsOf, type GoingSignals } from "./going-signals.ts";
import type { ConnectTarget } from "../stream-name.ts";

/** What `connect` told. */
export interface ConnectRequest {
  readonly target: ConnectTarget;
  readonly client: ClientInfo;
  /** The command object, for what the answer must take up. Empty when there was none. */
  readonly offer: AmfObject;
  /** Which requests to go elsewhere it understands. */
  readonly understands: GoingSignals;
}

const LONGEST_AGENT = 128;

/** Who connected, before a byte was read. */
export interface PeerIdentity {
  /** Of the session; unique in this process. */
  readonly id: string;
  readonly protocol: ClientProtocol;
  /** IP address. */
  readonly address: string;
}

/** Read `connect`. Nothing in it is required: an app that is missing is found in the tcUrl, or with the stream name. */
export function readConnect(command: RtmpCommand, peer: PeerIdentity): ConnectRequest {
  const [first, second] = command.args;
  const offer = isAmfObject(first) ? first : (Object.create(null) as AmfObject);
  const { id, protocol, address } = peer;
  return {
    target: { app: text(offer["app"]), tcUrl: text(offer["tcUrl"]) },
    client: {
      id,
      protocol,
      address,
      agent: text(offer["flashVer"]).slice(0, LONGEST_AGENT),
      srs: isSrs(offer) || isSrs(second),
    },
    offer,
    understands: signalsOf(offer),
  };
}

/** SRS edges say so in the argument behind the command object. */
function isSrs(value: AmfValue): boolean {
  return isAmfObject(value) && (value["srs_version"] !== undefined || value["srs_server"] !== undefined);
}

function text(value: AmfValue): string {
  return typeof value === "string" ? value : "";
}
