import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { HoldfastError } from "../../domain/errors.ts";
import type { Channel, Subscriber, Subscription } from "../../domain/ports/channel.ts";
import type { ClientInfo, PlayAnswer } from "../../fleet/gates.ts";
import type { ChunkedFraming } from "./chunked.ts";
import { destroyPlayer, DRAIN_MS, fileHeaderOf, STOP_MS } from "./flv-player.ts";
import { clientOf, redirectLocation, type FlvTarget } from "./flv-request.ts";
import { FlvSessionLog } from "./flv-session-log.ts";
import type { FlvDeps, FlvSession } from "./handlers.ts";
import { answerProblem, COMMON_HEADERS } from "./http-answer.ts";

export interface HttpFlvDeps extends FlvDeps {
  /** One for all players, so that they share. */
  readonly framing: ChunkedFraming;
}

/**
 * An HTTP client that plays: asks the gate, then is a subscriber until it leaves or the stream ends.
 *
 * The body is chunked, so that a player can tell the end of the stream from a broken connection: without chunks FFmpeg
 * reports every end as an error. For HTTP/1.0 it ends with the connection. A batch is framed once for all players,
 * and written past the response object, which would frame it for each.
 */
export class HttpFlvPlayer implements FlvSession, Subscriber {
  readonly form = "flv";
  readonly #deps: HttpFlvDeps;
  readonly #target: FlvTarget;
  readonly #client: ClientInfo;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #socket: Socket;
  readonly #log: FlvSessionLog;
  readonly #left = new AbortController();
  readonly #chunked: boolean;
  #subscription: Subscription | undefined;
  #end: HoldfastError | undefined;

  /** @param closed  called once, when the request is over */
  constructor(
    deps: HttpFlvDeps,
    target: FlvTarget,
    request: IncomingMessage,
    response: ServerResponse,
    closed: () => void,
  ) {
    this.#deps = deps;
    this.#target = target;
    this.#request = request;
    this.#response = response;
    this.#socket = request.socket;
    this.#chunked = request.httpVersion !== "1.0";
    this.#client = clientOf(request, "http-flv");
    this.#log = new FlvSessionLog(deps, this.#client, this.#socket, { kind: "player", key: target.key });
    response.once("close", () => {
      const reason = this.#end ?? new HoldfastError("CLIENT_LEFT");
      this.#leave(reason);
      this.#log.end(reason);
      closed();
    });
  }

  /** Ask the gate. */
  async begin(): Promise<void> {
    const { key, query, redirected } = this.#target;
    let answer: PlayAnswer;
    try {
      answer = await this.#deps.play.play({
        key,
        query,
        client: this.#client,
        redirected,
        left: this.#left.signal,
      });
    } catch (error) {
      return this.#refuse(this.#log.reasonOf(error));
    }
    if (this.#end) return;
    if (answer.kind === "redirect") this.#redirect(answer.address, answer.owner);
    else this.#serve(answer.channel);
  }

  get backlog(): number {
    return this.#socket.writableLength;
  }

  write(batch: Buffer): void {
    if (this.#socket.writable) this.#socket.write(this.#chunked ? this.#deps.framing.frame(batch) : batch);
  }

  /** The channel lets this player go. */
  end(reason: HoldfastError): void {
    this.#subscription = undefined;
    if (reason.code === "SLOW_READER") return this.#cut(reason);
    this.#finish(reason, reason.code === "STOPPING" ? STOP_MS : DRAIN_MS);
  }

  stop(reason: HoldfastError): void {
    if (this.#end) return;
    if (!this.#response.headersSent) return this.#refuse(reason);
    this.#finish(reason, STOP_MS);
  }

  #serve(channel: Channel): void {
    if (channel.ended) return this.#refuse(new HoldfastError("STREAM_ENDED"));
    const response = this.#response;
    // A second request before the end of the first: its turn never comes.
    if (response.socket !== this.#socket)
      return this.#refuse(new HoldfastError("REQUEST_INVALID", { detail: "a play has no end to wait for" }));
    response.useChunkedEncodingByDefault = this.#chunked;
    response.writeHead(200, { ...COMMON_HEADERS, "content-type": "video/x-flv", connection: "close" });
    if (this.#request.method === "HEAD")
      return this.#finish(
        new HoldfastError("CLIENT_LEFT", { detail: "it asked for the head only" }),
        DRAIN_MS,
      );
    response.flushHeaders();
    this.#log.begin();
    this.#socket.setNoDelay(true);
    // Counts from the last byte that the socket took, and only while there are more.
    response.setTimeout(this.#deps.config.limits.playerTimeout, () => {
      if (this.backlog > 0) this.#cut(new HoldfastError("TIMED_OUT", { detail: "the player takes nothing" }));
    });
    this.write(fileHeaderOf(channel));
    try {
      this.#subscription = channel.subscribe(this);
    } catch (error) {
      return this.#finish(this.#log.reasonOf(error), DRAIN_MS);
    }
    // The first write may have ended it already.
    if (this.#end) this.#subscription.close();
  }

  #redirect(address: string, owner: string): void {
    this.#leave(new HoldfastError("NOT_OWNER", { detail: `redirected to ${owner}`, address }));
    const location = redirectLocation(address, this.#target);
    this.#response.writeHead(302, { ...COMMON_HEADERS, location, "content-length": 0 });
    this.#response.end();
  }

  #refuse(reason: HoldfastError): void {
    if (this.#end) return;
    this.#leave(reason);
    answerProblem(this.#response, reason);
  }

  /** Let the player read the rest, then close. */
  #finish(reason: HoldfastError, ms: number): void {
    if (this.#end) return;
    this.#leave(reason);
    this.#response.end();
    this.#deps.clock.after(ms, () => destroyPlayer(this.#socket));
  }

  #cut(reason: HoldfastError): void {
    this.#leave(reason);
    destroyPlayer(this.#socket);
  }

  #leave(reason: HoldfastError): void {
    if (this.#end) return;
    this.#end = reason;
    this.#left.abort(reason);
    this.#subscription?.close();
  }
}
