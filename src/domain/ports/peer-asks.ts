import type { OriginRecord } from "../origin-record.ts";
import type { StreamKey } from "../stream-key.ts";

/** `unknown`: nobody answered in time, or somebody else lives at that address by now. */
export type PullAnswer = "pulls" | "does-not" | "unknown";

/** What origins ask each other about ingests, past the registry. */
export interface PeerAsks {
  /**
   * Does that very instance still pull this ingest? Answers within 300 ms, and never rejects.
   *
   * `does-not` also when its address refuses connections: nobody lives there. Silence proves nothing.
   */
  pulls(origin: OriginRecord, stream: StreamKey): Promise<PullAnswer>;
}
