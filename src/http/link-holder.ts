import type { ServerResponse } from "node:http";
import type { OriginIdentity } from "./routes-peer.ts";

/** An origin is watched by three others; more are links whose other end is gone. */
const MOST_LINKS = 64;
const KEEP_ALIVE_MS = 10_000;

/** The links of peers that watch this process. */
export class LinkHolder {
  readonly #greeting: string;
  readonly #links = new Set<ServerResponse>();

  constructor({ name, instance }: OriginIdentity) {
    this.#greeting = `${JSON.stringify({ name, instance })}\n`;
  }

  /** Greet, and keep the answer open. Beyond the most the oldest ends: whoever lives there links again. */
  hold(response: ServerResponse): void {
    const [oldest] = this.#links;
    if (oldest && this.#links.size >= MOST_LINKS) this.#drop(oldest);
    this.#links.add(response);
    response.on("close", () => this.#links.delete(response));
    response.on("error", () => this.#links.delete(response));
    response.socket?.setKeepAlive(true, KEEP_ALIVE_MS);
    response.writeHead(200, {
      "content-type": "application/json",
      "cache-control": "no-store",
      connection: "close",
    });
    response.write(this.#greeting);
  }

  /** The port is about to close. */
  end(): void {
    for (const link of this.#links) link.end();
    this.#links.clear();
  }

  #drop(link: ServerResponse): void {
    this.#links.delete(link);
    link.destroy();
  }
}
