import type { OriginRecord } from "../origin-record.ts";

/** How a link ended. `closed`: the peer's side closed or reset it. `silent`: anything else, which proves nothing. */
export type LinkEnd = "closed" | "silent";

/** Idle connections to peers, held to see them end: a process that dies cannot keep its connections. */
export interface PeerLinks {
  /**
   * Hold a link to that very instance until it ends, or `signal` is aborted. `greeted` is called once, when the
   * instance has answered; a link that never was greeted ends `silent`. Never rejects.
   */
  hold(peer: OriginRecord, greeted: () => void, signal: AbortSignal): Promise<LinkEnd>;
}
