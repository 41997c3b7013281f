import { request as requestHttp, type ClientRequest, type IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { HoldfastError } from "../../domain/errors.ts";
import type { NetworkSource } from "../../domain/source-url.ts";
import { urlOf } from "./redirect-trail.ts";

/** A GET of a source, on a connection of its own. Whoever makes it calls `destroy`, whatever happens. */
export class SourceRequest {
  /**
   * The answer, up to its body. Rejects with HoldfastError `SOURCE_UNREACHABLE` without a connection, and with
   * `SOURCE_FAILED` when what comes back is no HTTP or too long a header.
   */
  readonly answer: Promise<IncomingMessage>;
  readonly #request: ClientRequest;
  #connected = false;

  /** @param headerBytes  most bytes of the answer's header */
  constructor(source: NetworkSource, headerBytes: number) {
    const secure = source.scheme === "https";
    this.#request = (secure ? requestHttps : requestHttp)({
      host: source.host,
      port: source.port,
      path: pathOf(source),
      headers: {
        "user-agent": "Holdfast ingest",
        accept: "*/*",
        "accept-encoding": "identity",
        ...loginOf(source),
      },
      agent: false,
      maxHeaderSize: headerBytes,
    });
    this.#request.once("socket", (socket) => {
      socket.once(secure ? "secureConnect" : "connect", () => (this.#connected = true));
    });
    this.answer = new Promise((resolve, reject) => {
      let answer: IncomingMessage | undefined;
      this.#request.once("response", (response) => {
        resolve(response);
        // What breaks before its body is read is seen there.
        answer = response.on("error", () => {});
      });
      this.#request.on("error", (error) => {
        reject(this.#fault(error));
        // Of a body that ends with its connection, a reset would be the end in order.
        answer?.destroy(error);
      });
      this.#request.once("close", () => reject(this.#fault(new Error("the source closed it"))));
    });
    this.answer.catch(() => {});
    this.#request.end();
  }

  /** Whether the connection stood, TLS included. */
  get connected(): boolean {
    return this.#connected;
  }

  /** End the connection at once. */
  destroy(): void {
    this.#request.destroy();
  }

  #fault({ code = "", message }: NodeJS.ErrnoException): HoldfastError {
    if (!this.#connected) return new HoldfastError("SOURCE_UNREACHABLE", { detail: message, code });
    return new HoldfastError("SOURCE_FAILED", { detail: meaningOf(code, message), code });
  }
}

/** Escaped where the URL was not: Node refuses to send other characters. */
function pathOf(source: NetworkSource): string {
  const { path, query } = source;
  const { pathname, search } = new URL(`http://source${path}${query === "" ? "" : `?${query}`}`);
  return `${pathname}${search}`;
}

/** [RFC 7617] */
function loginOf({ user, password }: NetworkSource): { readonly authorization?: string } {
  if (user === "" && password === "") return {};
  return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
}

function meaningOf(code: string, message: string): string {
  if (code === "HPE_HEADER_OVERFLOW") return "the header of the source's answer is too long";
  if (code.startsWith("HPE_")) return "the source does not speak HTTP";
  return `the connection broke: ${message}`;
}

/** Where an answer redirects to; `undefined` when it is no redirect. @throws HoldfastError `SOURCE_REFUSED` */
export function locationOf(answer: IncomingMessage, source: NetworkSource): string | undefined {
  if (![301, 302, 303, 307, 308].includes(answer.statusCode ?? 0)) return undefined;
  const { location = "" } = answer.headers;
  try {
    // Node reads headers as Latin-1.
    const url = new URL(Buffer.from(location, "latin1").toString(), urlOf(source));
    url.hash = "";
    if (location !== "") return url.href;
  } catch {
    // Said below: the cause would quote the URL.
  }
  throw new HoldfastError("SOURCE_REFUSED", { detail: "the source redirects the pull to no valid URL" });
}
