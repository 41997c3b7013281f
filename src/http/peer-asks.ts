import { z } from "zod";
import type { PeerAsks } from "../domain/ports/peer-asks.ts";
import type { PeerProbe } from "../domain/ports/relay.ts";
import { askPeer } from "./ask-peer.ts";
import { ingestPath, type Authorize } from "./routes-peer.ts";

export interface PeerAsksOptions {
  readonly authorize: Authorize;
  readonly probe: PeerProbe;
}

const answerSchema = z.object({ instance: z.string(), pulls: z.boolean() });
/** For everything together. */
const TIMEOUT_MS = 300;

/** Asks `http://<peer>/fleet/v1/ingests/<stream>`, with a ticket that is of use for that instance alone. */
export function createPeerAsks({ authorize, probe }: PeerAsksOptions): PeerAsks {
  return {
    async pulls({ name, instance, peer }, stream) {
      const path = ingestPath(stream);
      const authorization = authorize(instance, `GET ${path}`);
      if (peer === "" || authorization === undefined) return "unknown";
      const began = performance.now();
      const answer = await askPeer(peer, path, { timeoutMs: TIMEOUT_MS, authorization });
      if (answer.outcome !== "answer") return answer.outcome === "refused" ? "does-not" : "unknown";
      const { success, data } = answerSchema.safeParse(answer.body);
      if (success && answer.status === 200)
        return data.instance !== instance ? "unknown" : data.pulls ? "pulls" : "does-not";
      // Somebody else does not take the ticket: its successor, or another origin that has the address now.
      const left = Math.ceil(TIMEOUT_MS - (performance.now() - began));
      if (left <= 0) return "unknown";
      const found = await probe.whoIs(peer, left);
      if (found.outcome === "refused") return "does-not";
      const replaced = found.outcome === "instance" && found.instance !== instance && found.name === name;
      return replaced ? "does-not" : "unknown";
    },
  };
}
