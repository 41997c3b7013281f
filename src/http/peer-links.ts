import { get, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { z } from "zod";
import type { OriginRecord } from "../domain/origin-record.ts";
import type { LinkEnd, PeerLinks } from "../domain/ports/peer-links.ts";
import { LINK_PATH, type Authorize } from "./routes-peer.ts";

const GREETING_WITHIN_MS = 2_000;
const KEEP_ALIVE_MS = 10_000;
const MAX_GREETING_BYTES = 1_024;
/** What the other side does, or its kernel for it. A time-out is none of these. */
const CLOSED_BY_PEER = new Set(["ECONNRESET", "EPIPE"]);

const greetingSchema = z.object({ instance: z.string() });

/** Links are answers to `GET /fleet/v1/link` that begin with a greeting and have no end. */
export function createPeerLinks(authorize: Authorize): PeerLinks {
  return {
    hold(peer, greeted, signal) {
      const authorization = authorize(peer.instance, `GET ${LINK_PATH}`);
      const url = `http://${peer.peer}${LINK_PATH}`;
      if (authorization === undefined || signal.aborted || !URL.canParse(url))
        return Promise.resolve("silent");
      return holdLink({ url, authorization, peer, greeted, signal });
    },
  };
}

interface Link {
  readonly url: string;
  readonly authorization: string;
  readonly peer: OriginRecord;
  readonly greeted: () => void;
  readonly signal: AbortSignal;
}

function holdLink({ url, authorization, peer, greeted, signal }: Link): Promise<LinkEnd> {
  return new Promise((resolve) => {
    let known = false;
    let fault = "";
    const request = get(url, { agent: false, headers: { authorization } });
    const abort = () => request.destroy();
    const end = () => {
      clearTimeout(tooLate);
      signal.removeEventListener("abort", abort);
      request.destroy();
      const closed = fault === "" || CLOSED_BY_PEER.has(fault);
      resolve(known && closed && !signal.aborted ? "closed" : "silent");
    };
    const tooLate = setTimeout(abort, GREETING_WITHIN_MS);
    signal.addEventListener("abort", abort, { once: true });
    const fail = (error: NodeJS.ErrnoException) => {
      fault ||= error.code ?? "unknown";
    };
    request.on("socket", (socket: Socket) => {
      socket.setKeepAlive(true, KEEP_ALIVE_MS);
      socket.on("error", fail);
    });
    request.on("error", (error) => {
      fail(error);
      end();
    });
    request.on("response", (response: IncomingMessage) => {
      response.on("error", () => undefined);
      response.on("close", end);
      void readGreeting(response).then((instance) => {
        if (instance !== peer.instance) return abort();
        clearTimeout(tooLate);
        known = true;
        greeted();
      });
    });
  });
}

/** The instance that greets; `undefined` when it is no greeting. Whatever follows is thrown away. */
function readGreeting(response: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const read = (part: string) => {
      text += part;
      const line = text.indexOf("\n");
      if (line < 0 && text.length <= MAX_GREETING_BYTES) return;
      response.off("data", read).resume();
      resolve(response.statusCode === 200 ? instanceIn(text.slice(0, Math.max(0, line))) : undefined);
    };
    response.setEncoding("utf8").on("data", read);
    response.once("close", () => resolve(undefined));
  });
}

function instanceIn(text: string): string | undefined {
  try {
    return greetingSchema.parse(JSON.parse(text)).instance;
  } catch {
    return undefined;
  }
}
