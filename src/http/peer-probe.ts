import { get, type IncomingMessage } from "node:http";
import { z } from "zod";
import type { PeerProbe } from "../domain/ports/relay.ts";
import { INSTANCE_PATH } from "./routes-peer.ts";

type Answer = Awaited<ReturnType<PeerProbe["whoIs"]>>;

const MAX_ANSWER_BYTES = 4_096;
const answerSchema = z.object({ instance: z.string().min(1) });
const SILENT: Answer = { outcome: "silent" };

/**
 * Asks `http://<address>/fleet/v1/instance` on a connection of its own.
 *
 * Only a refused connection proves that nobody listens; whatever else goes wrong is silence.
 */
export const peerProbe: PeerProbe = {
  whoIs(address, timeoutMs) {
    return new Promise((resolve) => {
      const deadline = AbortSignal.timeout(timeoutMs);
      const url = `http://${address}${INSTANCE_PATH}`;
      if (!URL.canParse(url)) return resolve(SILENT);
      get(url, { agent: false, signal: deadline }, (response) => void readAnswer(response).then(resolve)).on(
        "error",
        (error) => resolve(isRefused(error) ? { outcome: "refused" } : SILENT),
      );
    });
  },
};

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  try {
    let body = "";
    for await (const part of response.setEncoding("utf8")) {
      body += part;
      if (body.length > MAX_ANSWER_BYTES) return SILENT;
    }
    if (response.statusCode !== 200) return SILENT;
    return { outcome: "instance", instance: answerSchema.parse(JSON.parse(body)).instance };
  } catch {
    return SILENT;
  } finally {
    response.destroy();
  }
}

/** A host name with several addresses is refused only if every address refuses. */
function isRefused(error: Error): boolean {
  const each: unknown[] = error instanceof AggregateError ? error.errors : [error];
  return each.every((one) => one instanceof Error && "code" in one && one.code === "ECONNREFUSED");
}
