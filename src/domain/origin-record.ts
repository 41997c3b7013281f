/** Whether an origin takes new streams. */
export type OriginState = "up" | "draining";

/** What an origin says of itself when it registers. Addresses are `host:port`; empty when it offers none. */
export interface OriginDescription {
  readonly name: string;
  /** Name of the host whose worker this is, whose public addresses it shares; its own name when it is alone. */
  readonly host: string;
  /** Random id of this process. A restart has another one. */
  readonly instance: string;
  /** Public RTMP address, for redirects. */
  readonly rtmp: string;
  /** Public HTTP address, for HTTP-FLV redirects. */
  readonly http: string;
  /** Fleet-internal RTMP address, where relays pull. */
  readonly relay: string;
  /** Fleet-internal HTTP address, where peers ask who lives here. */
  readonly peer: string;
  readonly state: OriginState;
  /** Share of the fleet's load that this origin should take; 1 is normal. */
  readonly weight: number;
  readonly version: string;
}

/** The session of an origin, as the registry holds it. */
export interface OriginRecord extends OriginDescription {
  /** Number of this session; a later session of the same name always has a greater one. */
  readonly epoch: number;
  /** Counts heartbeats of this session. */
  readonly beat: number;
  /** Event-loop share in use, 0 to 1. */
  readonly load: number;
  /** Streams owned. */
  readonly streams: number;
  /** When the session began: ms since 1970, Redis time. */
  readonly since: number;
}

/** What is needed to act in the registry in the name of a session. */
export interface SessionRef {
  readonly name: string;
  readonly instance: string;
  readonly epoch: number;
}
