import { z } from "zod";
import type { PeerProbe } from "../domain/ports/relay.ts";
import { askPeer } from "./ask-peer.ts";
import { INSTANCE_PATH } from "./routes-peer.ts";

const answerSchema = z.object({ name: z.string().default(""), instance: z.string().min(1) });

/**
 * Asks `http://<address>/fleet/v1/instance` on a connection of its own.
 *
 * Only a refused connection proves that nobody listens; whatever else goes wrong is silence.
 */
export const peerProbe: PeerProbe = {
  async whoIs(address, timeoutMs) {
    const answer = await askPeer(address, INSTANCE_PATH, { timeoutMs });
    if (answer.outcome !== "answer") return { outcome: answer.outcome };
    const { success, data } = answerSchema.safeParse(answer.body);
    return success && answer.status === 200 ? { outcome: "instance", ...data } : { outcome: "silent" };
  },
};
