import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { HoldfastError } from "../../domain/errors.ts";
import type { Channel, Subscriber, Subscription } from "../../domain/ports/channel.ts";
import type { ClientInfo, PlayAnswer } from "../../fleet/gates.ts";
import { RateLimit } from "../../ops/rate-limit.ts";
import { SessionWatch } from "../session-watch.ts";
import { destroyPlayer, DRAIN_MS, fileHeaderOf, STOP_MS } from "./flv-player.ts";
import { clientOf, type FlvTarget } from "./flv-request.ts";
import { FlvSessionLog } from "./flv-session-log.ts";
import type { FlvDeps, FlvSession } from "./handlers.ts";
import { answerUpgradeProblem } from "./http-answer.ts";

/** What may arrive before the gate has answered, in messages of the greatest length. */
const MOST_EARLY_MESSAGES = 4;
const CLOSE = Object.freeze({ normal: 1_000, goingAway: 1_001, policy: 1_008 });

/** Makes a WebSocket of an accepted upgrade. No extensions, no subprotocols. @param maxPayload of a message, in bytes */
export function createUpgrader(maxPayload: number): WebSocketServer {
  return new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload,
    handleProtocols: () => false,
  });
}

/**
 * A WebSocket client that plays: the bytes of HTTP-FLV in binary frames. The gate is asked before the upgrade, so a
 * refusal is an HTTP answer with a status. A stream of another origin is relayed: browsers follow no redirect here.
 */
export class WsFlvPlayer implements FlvSession, Subscriber {
  readonly form = "flv";
  readonly #deps: FlvDeps;
  readonly #target: FlvTarget;
  readonly #client: ClientInfo;
  readonly #socket: Socket;
  readonly #log: FlvSessionLog;
  readonly #left = new AbortController();
  readonly #onEarly = (data: Buffer): void => this.#hold(data);
  readonly #onFin = (): void => this.#cut(new HoldfastError("CLIENT_LEFT"));
  #early: Buffer = Buffer.alloc(0);
  #websocket: WebSocket | undefined;
  #watch: SessionWatch | undefined;
  #pingBytes = 0;
  #subscription: Subscription | undefined;
  #end: HoldfastError | undefined;

  /** @param closed  called once, when the connection is gone */
  constructor(deps: FlvDeps, target: FlvTarget, request: IncomingMessage, head: Buffer, closed: () => void) {
    this.#deps = deps;
    this.#target = target;
    this.#socket = request.socket;
    this.#client = clientOf(request, "ws-flv");
    this.#log = new FlvSessionLog(deps, this.#client, this.#socket, { kind: "player", key: target.key });
    this.#hold(head);
    // Read on while the gate thinks, or nobody sees that the client has left.
    this.#socket.on("data", this.#onEarly);
    this.#socket.once("end", this.#onFin);
    this.#socket.once("close", () => {
      const reason = this.#end ?? new HoldfastError("CLIENT_LEFT");
      this.#leave(reason);
      this.#log.end(reason);
      closed();
    });
  }

  /** Ask the gate, then upgrade. */
  async begin(upgrader: WebSocketServer, request: IncomingMessage): Promise<void> {
    const { key, query, redirected } = this.#target;
    let answer: PlayAnswer;
    try {
      const left = this.#left.signal;
      answer = await this.#deps.play.play({ key, query, client: this.#client, redirected, left });
    } catch (error) {
      return this.#refuse(this.#log.reasonOf(error));
    }
    if (this.#end) return;
    // The gate knows that a WebSocket cannot be redirected.
    if (answer.kind === "redirect") return this.#refuse(new HoldfastError("NOT_OWNER"));
    const { channel } = answer;
    if (channel.ended) return this.#refuse(new HoldfastError("STREAM_ENDED"));
    // Not paused: ws takes over at once, and reads what keeps flowing.
    this.#socket.off("data", this.#onEarly).off("end", this.#onFin);
    upgrader.handleUpgrade(request, this.#socket, this.#early, (websocket) =>
      this.#serve(websocket, channel),
    );
  }

  get backlog(): number {
    return this.#websocket?.bufferedAmount ?? 0;
  }

  write(batch: Buffer): void {
    const websocket = this.#websocket;
    if (websocket?.readyState === websocket?.OPEN) websocket?.send(batch);
  }

  /** The channel lets this player go. */
  end(reason: HoldfastError): void {
    this.#subscription = undefined;
    if (reason.code === "SLOW_READER") return this.#cut(reason);
    this.stop(reason);
  }

  stop(reason: HoldfastError): void {
    // It may have been let go before, with more time than there is now.
    if (this.#end) return this.#closeWithin(STOP_MS);
    if (!this.#websocket) return this.#refuse(reason);
    const stopping = reason.code === "STOPPING";
    this.#close(reason, stopping ? CLOSE.goingAway : CLOSE.normal, stopping ? STOP_MS : DRAIN_MS);
  }

  #serve(websocket: WebSocket, channel: Channel): void {
    this.#websocket = websocket;
    this.#log.begin();
    this.#listen(websocket);
    this.write(fileHeaderOf(channel));
    try {
      this.#subscription = channel.subscribe(this);
    } catch (error) {
      return this.stop(this.#log.reasonOf(error));
    }
    // The first write may have ended it already.
    if (this.#end) this.#subscription.close();
  }

  #listen(websocket: WebSocket): void {
    const { clock, config } = this.#deps;
    const rate = new RateLimit(config.limits.commandsPerSecond, () => clock.monotonic());
    const spend = (): void => {
      if (rate.spend()) return;
      const reason = new HoldfastError("LIMIT_EXCEEDED", { detail: "the player sends too many messages" });
      this.#close(reason, CLOSE.policy, STOP_MS);
    };
    websocket.on("message", spend).on("ping", spend);
    // ws says goodbye with the code that fits, and would wait half a minute for the answer.
    websocket.on("error", (error) => {
      this.#leave(new HoldfastError("PROTOCOL_VIOLATION", { detail: error.message }));
      this.#closeWithin(STOP_MS);
    });
    this.#watch = new SessionWatch(clock, config.limits, this.#peer(websocket), (late) => this.#cut(late));
    this.#watch.expectLife();
  }

  #peer(websocket: WebSocket) {
    const socket = this.#socket;
    const pinged = (): number => this.#pingBytes;
    return {
      get bytesIn() {
        return socket.bytesRead;
      },
      get backlog() {
        return websocket.bufferedAmount;
      },
      get taken() {
        return socket.bytesWritten - websocket.bufferedAmount - pinged();
      },
      ping: () => {
        // Two bytes of head, no payload. [RFC 6455 §5.5.2]
        this.#pingBytes += 2;
        if (websocket.readyState === websocket.OPEN) websocket.ping();
      },
    };
  }

  #hold(data: Buffer): void {
    const most = MOST_EARLY_MESSAGES * this.#deps.config.limits.webSocketMessage;
    if (this.#early.length + data.length <= most) this.#early = Buffer.concat([this.#early, data]);
    else this.#cut(new HoldfastError("LIMIT_EXCEEDED", { detail: "data came before the upgrade" }));
  }

  #refuse(reason: HoldfastError): void {
    if (this.#end) return;
    this.#leave(reason);
    answerUpgradeProblem(this.#socket, reason);
  }

  /** Say goodbye behind what is still unread, then close. */
  #close(reason: HoldfastError, code: number, ms: number): void {
    if (this.#end) return;
    this.#leave(reason);
    this.#websocket?.close(code, reason.code);
    this.#closeWithin(ms);
  }

  #closeWithin(ms: number): void {
    this.#deps.clock.after(ms, () => destroyPlayer(this.#socket));
  }

  #cut(reason: HoldfastError): void {
    this.#leave(reason);
    destroyPlayer(this.#socket);
  }

  #leave(reason: HoldfastError): void {
    if (this.#end) return;
    this.#end = reason;
    this.#watch?.stop();
    this.#left.abort(reason);
    this.#subscription?.close();
  }
}
