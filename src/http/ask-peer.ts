import { get, type IncomingMessage } from "node:http";

/** `refused`: nobody listens there. `silent`: no answer in time, or none that can be read. */
export type PeerAnswer =
  | { readonly outcome: "answer"; readonly status: number; readonly body: unknown }
  | { readonly outcome: "refused" | "silent" };

export interface PeerQuestion {
  readonly timeoutMs: number;
  /** The `Authorization` header; none when absent. */
  readonly authorization?: string | undefined;
}

const MAX_ANSWER_BYTES = 4_096;
const SILENT: PeerAnswer = { outcome: "silent" };

/**
 * GET a small JSON document from another origin, on a connection of its own. Never rejects.
 *
 * Only a refused connection proves that nobody listens; whatever else goes wrong is silence.
 */
export function askPeer(address: string, path: string, question: PeerQuestion): Promise<PeerAnswer> {
  return new Promise((resolve) => {
    const { timeoutMs, authorization } = question;
    const signal = AbortSignal.timeout(timeoutMs);
    const url = `http://${address}${path}`;
    if (!URL.canParse(url)) return resolve(SILENT);
    const headers = authorization === undefined ? {} : { authorization };
    const onAnswer = (response: IncomingMessage) => void readAnswer(response).then(resolve);
    get(url, { agent: false, signal, headers }, onAnswer).on("error", (error) =>
      resolve(isRefused(error) ? { outcome: "refused" } : SILENT),
    );
  });
}

async function readAnswer(response: IncomingMessage): Promise<PeerAnswer> {
  try {
    let text = "";
    for await (const part of response.setEncoding("utf8")) {
      text += part;
      if (text.length > MAX_ANSWER_BYTES) return SILENT;
    }
    const body: unknown = JSON.parse(text);
    return { outcome: "answer", status: response.statusCode ?? 0, body };
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
