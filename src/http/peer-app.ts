import type { Logger } from "pino";
import type { Config } from "../config/schema.ts";
import { Admission } from "../ops/admission.ts";
import { systemClock } from "../ops/clock.ts";
import { createApp } from "./app.ts";
import { createHttpPort, type HttpPort } from "./http-port.ts";
import { addPeerRoutes, type OriginIdentity, type PeerDoor } from "./routes-peer.ts";

export interface PeerAppOptions {
  readonly config: Pick<Config, "bind" | "limits">;
  /** 0 takes a free one. */
  readonly port: number;
  readonly identity: OriginIdentity;
  readonly door?: PeerDoor | undefined;
  readonly log: Logger;
}

const REQUEST_TIMEOUT_MS = 10_000;

/**
 * The HTTP port of one worker, for other origins: its public port is shared, and whoever asks who lives there would
 * be answered by any worker.
 */
export function createPeerApp({ config, port, identity, door, log }: PeerAppOptions): HttpPort {
  const { bind: host, limits } = config;
  const admission = new Admission(limits, systemClock, log);
  const app = createApp({
    log,
    admission,
    maxHeaderBytes: limits.httpHeader,
    maxBodyBytes: limits.httpBody,
    headersTimeoutMs: limits.handshakeTimeout,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  });
  addPeerRoutes(app, identity, door);
  return createHttpPort(app, admission, { host, port, exclusive: true, setting: "workers.peerPort" });
}
