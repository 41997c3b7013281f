import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import type { Config } from "../../config/schema.ts";
import { asHoldfastError, HoldfastError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { PlayGate, PublishGate } from "../../fleet/gates.ts";
import { SessionTally } from "../session-tally.ts";
import { ChunkedFraming } from "./chunked.ts";
import { receiveBudgets, type ReceiveBudgets } from "../receive-budgets.ts";
import { readFlvTarget, type FlvTarget } from "./flv-request.ts";
import { answerOptions, answerProblem, answerUpgradeProblem } from "./http-answer.ts";
import { HttpFlvPublisher } from "./http-flv-publish.ts";
import { HttpFlvPlayer } from "./http-flv.ts";
import { createUpgrader, WsFlvPlayer } from "./ws-flv.ts";

export interface FlvDeps {
  readonly config: Pick<Config, "vhosts" | "limits">;
  readonly publish: PublishGate;
  readonly play: PlayGate;
  readonly log: Logger;
  readonly clock: Clock;
  /** Memory that all connections of the origin share. */
  readonly budgets: ReceiveBudgets;
  readonly tally: SessionTally;
}

export interface FlvOptions extends Omit<FlvDeps, "budgets" | "tally"> {
  /** Shared with what else receives media for the origin; its own when absent. */
  readonly budgets?: ReceiveBudgets;
}

/** One request for a stream, as long as it lasts. */
export interface FlvSession {
  /** End it because this origin stops. */
  stop(reason: HoldfastError): void;
}

/** HTTP-FLV and WS-FLV, for `/app/stream.flv`. Each takes a raw request over, answers and errors included. */
export interface FlvHandlers {
  /** GET, HEAD and OPTIONS. */
  get(request: IncomingMessage, response: ServerResponse): void;
  /** Publish. */
  post(request: IncomingMessage, response: ServerResponse): void;
  /** A WebSocket upgrade. The server must listen for errors of the socket. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** What is counted of its sessions. */
  readonly tally: SessionTally;
  /** End every connection, in order; refuse what comes from now on. */
  stop(): void;
}

export function createFlvHandlers(options: FlvOptions): FlvHandlers {
  const { budgets = receiveBudgets(options.config.limits) } = options;
  const tally = new SessionTally(["http-flv", "ws-flv"]);
  const deps: FlvDeps = { ...options, budgets, tally };
  const sessions = new Set<FlvSession>();
  const httpDeps = { ...deps, framing: new ChunkedFraming() };
  /** Connections that have a stream: requests behind it are not worth what a session costs. */
  const busy = new WeakSet<Socket>();
  const upgrader = createUpgrader(deps.config.limits.webSocketMessage);
  let stopped = false;

  /** @throws HoldfastError `STOPPING`, `STREAM_NAME_INVALID`, `REQUEST_INVALID` */
  function targetOf({ url = "", socket }: IncomingMessage): FlvTarget {
    if (stopped) throw new HoldfastError("STOPPING");
    if (busy.has(socket))
      throw new HoldfastError("REQUEST_INVALID", { detail: "a connection carries one stream at a time" });
    return readFlvTarget(url, deps.config.vhosts);
  }

  function refused(error: unknown, request: IncomingMessage): HoldfastError {
    const reason = asHoldfastError(error, "INTERNAL");
    const remote = request.socket.remoteAddress;
    deps.log.debug({ method: request.method, remote, code: reason.code }, "request refused");
    return reason;
  }

  /** A session has begun. What it does not handle itself is a fault of ours, and ends this connection only. */
  function run(session: FlvSession, begun: Promise<void>, request: IncomingMessage): void {
    sessions.add(session);
    busy.add(request.socket);
    begun.catch((error: unknown) => {
      deps.log.error({ err: error }, "session failed");
      request.socket.destroy();
    });
  }

  function over(session: FlvSession, { socket }: IncomingMessage): void {
    sessions.delete(session);
    busy.delete(socket);
  }

  return {
    tally,
    get(request, response) {
      if (request.method === "OPTIONS") return answerOptions(response);
      try {
        const closed = (): void => over(player, request);
        const player = new HttpFlvPlayer(httpDeps, targetOf(request), request, response, closed);
        run(player, player.begin(), request);
      } catch (error) {
        answerProblem(response, refused(error, request));
      }
    },
    post(request, response) {
      try {
        const closed = (): void => over(publisher, request);
        const publisher = new HttpFlvPublisher(deps, targetOf(request), request, response, closed);
        run(publisher, publisher.begin(), request);
      } catch (error) {
        answerProblem(response, refused(error, request));
      }
    },
    upgrade(request, socket, head) {
      try {
        const closed = (): void => over(player, request);
        const player = new WsFlvPlayer(deps, targetOf(request), request, head, closed);
        run(player, player.begin(upgrader, request), request);
      } catch (error) {
        answerUpgradeProblem(socket, refused(error, request));
      }
    },
    stop() {
      stopped = true;
      const reason = new HoldfastError("STOPPING");
      for (const session of sessions) session.stop(reason);
    },
  };
}
