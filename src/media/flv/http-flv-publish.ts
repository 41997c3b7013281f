import type { IncomingMessage, ServerResponse } from "node:http";
import { asHoldfastError, HoldfastError } from "../../domain/errors.ts";
import type { ClientInfo, Publication, PublicationEnd } from "../../fleet/gates.ts";
import { RateLimit } from "../../ops/rate-limit.ts";
import { playerPacket } from "../player-packet.ts";
import { SessionWatch } from "../session-watch.ts";
import { FlvDemuxer } from "./demuxer.ts";
import { clientOf, type FlvTarget } from "./flv-request.ts";
import { FlvSessionLog } from "./flv-session-log.ts";
import type { FlvDeps, FlvSession } from "./handlers.ts";
import { answerProblem, COMMON_HEADERS } from "./http-answer.ts";
import { MAX_TAG_BODY, type FlvTag } from "./tag.ts";

/** A refused encoder may be in the middle of its body: so long it can read the answer before the connection ends. */
const LINGER_MS = 1_000;

/**
 * An HTTP client that publishes: a POST whose body is FLV without end. Asks the gate before it reads a byte of it,
 * then feeds the channel. The end of the body unpublishes; a connection that breaks does not.
 */
export class HttpFlvPublisher implements FlvSession {
  readonly #deps: FlvDeps;
  readonly #target: FlvTarget;
  readonly #client: ClientInfo;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #log: FlvSessionLog;
  readonly #demuxer: FlvDemuxer;
  readonly #watch: SessionWatch;
  readonly #rate: RateLimit;
  readonly #left = new AbortController();
  readonly #lost = (): void => this.#onLost();
  /** The gate often revokes in the same breath, and knows better why. */
  readonly #replaced = (): void => queueMicrotask(this.#lost);
  #publication: Publication | undefined;
  #tags = 0;
  #end: HoldfastError | undefined;

  /** @param closed  called once, when the request is over */
  constructor(
    deps: FlvDeps,
    target: FlvTarget,
    request: IncomingMessage,
    response: ServerResponse,
    closed: () => void,
  ) {
    const { limits } = deps.config;
    this.#deps = deps;
    this.#target = target;
    this.#request = request;
    this.#response = response;
    this.#client = clientOf(request, "http-flv");
    this.#log = new FlvSessionLog(deps, this.#client, request.socket, { kind: "publisher", key: target.key });
    const longest = Math.min(limits.messageAfterPublish, MAX_TAG_BODY);
    // Nothing is read before the publish is accepted, so that there is no stranger here.
    this.#demuxer = new FlvDemuxer(longest, (tag) => this.#take(tag), deps.budgets.all);
    this.#rate = new RateLimit(limits.messagesPerSecond, () => deps.clock.monotonic());
    const { socket } = request;
    const peer = {
      get bytesIn() {
        return socket.bytesRead;
      },
      taken: 0,
      backlog: 0,
      ping: () => undefined,
    };
    this.#watch = new SessionWatch(deps.clock, limits, peer, (late) => this.#refuse(late));
    // What goes wrong with the body is seen when the response closes.
    request.on("error", () => undefined);
    response.once("close", () => {
      const reason = this.#end ?? new HoldfastError("CLIENT_LEFT");
      this.#finish(reason, "disconnected");
      this.#log.end(reason);
      closed();
    });
  }

  /** Ask the gate. The body waits in the socket meanwhile. */
  async begin(): Promise<void> {
    const { key, query } = this.#target;
    let publication: Publication;
    try {
      const left = this.#left.signal;
      publication = await this.#deps.publish.publish({ key, query, client: this.#client, left });
    } catch (error) {
      return this.#refuse(this.#log.reasonOf(error));
    }
    if (this.#end) return publication.end("disconnected");
    this.#publication = publication;
    if (publication.revoked.aborted || publication.source.closed.aborted) return this.#onLost();
    publication.revoked.addEventListener("abort", this.#lost);
    publication.source.closed.addEventListener("abort", this.#replaced);
    this.#log.begin();
    this.#watch.expectMedia(() => this.#tags);
    this.#request.on("data", (data: Buffer) => this.#read(data));
    this.#request.once("end", () => this.#complete());
  }

  stop(reason: HoldfastError): void {
    if (this.#end) return;
    if (!this.#publication) return this.#refuse(reason);
    this.#cut(reason);
  }

  #read(data: Buffer): void {
    if (this.#end) return;
    try {
      this.#demuxer.push(data);
    } catch (error) {
      this.#refuse(this.#log.reasonOf(error));
    }
  }

  #take({ type, timestamp, payload }: FlvTag): void {
    const source = this.#publication?.source;
    if (!source || this.#end) return;
    if (!this.#rate.spend())
      throw new HoldfastError("LIMIT_EXCEEDED", { detail: "the publisher sends too many tags" });
    this.#tags += 1;
    const packet = playerPacket(type, timestamp, payload);
    if (packet) source.write(packet);
  }

  /** The body has ended in order: so has the stream, unless a tag was cut short. */
  #complete(): void {
    if (this.#end) return;
    if (!this.#demuxer.complete)
      return this.#refuse(new HoldfastError("PROTOCOL_VIOLATION", { detail: "the body ends inside a tag" }));
    this.#finish(
      new HoldfastError("STREAM_ENDED", { detail: "the publisher ended the stream" }),
      "unpublished",
    );
    this.#response.writeHead(200, { ...COMMON_HEADERS, "content-length": 0 });
    this.#response.end();
  }

  #onLost(): void {
    if (this.#end) return;
    const { revoked, source } = this.#publication ?? {};
    const signal = revoked?.aborted ? revoked : source?.closed;
    this.#cut(asHoldfastError(signal?.reason, "STREAM_TAKEN_OVER"));
  }

  /** Say why, read on for a moment so that the answer is seen, then close. */
  #refuse(reason: HoldfastError): void {
    if (this.#end) return;
    this.#finish(reason, "disconnected");
    answerProblem(this.#response, reason);
    this.#request.resume();
    const { socket } = this.#request;
    this.#deps.clock.after(LINGER_MS, () => {
      if (!this.#request.complete) socket.destroy();
    });
  }

  /** An encoder does not look for an answer in the middle of its stream: it must see the connection break. */
  #cut(reason: HoldfastError): void {
    this.#finish(reason, "disconnected");
    this.#request.socket.resetAndDestroy();
  }

  #finish(reason: HoldfastError, how: PublicationEnd): void {
    if (this.#end) return;
    this.#end = reason;
    this.#watch.stop();
    this.#demuxer.stop();
    this.#left.abort(reason);
    const publication = this.#publication;
    if (!publication) return;
    publication.revoked.removeEventListener("abort", this.#lost);
    publication.source.closed.removeEventListener("abort", this.#replaced);
    publication.end(how);
  }
}
