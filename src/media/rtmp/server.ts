import { randomUUID } from "node:crypto";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Logger } from "pino";
import { formatAddress } from "../../domain/address.ts";
import { HoldfastError } from "../../domain/errors.ts";
import { Admission } from "../../ops/admission.ts";
import { receiveBudgets, type ReceiveBudgets } from "../receive-budgets.ts";
import { NO_READ_AHEAD } from "../paced-reader.ts";
import { SessionTally } from "../session-tally.ts";
import { RtmpSession, type SessionDeps } from "./session.ts";
import { TlsCredentials } from "./tls-credentials.ts";

export interface RtmpServer {
  /**
   * Listen on `rtmp.port`, and on `rtmps.port` when it is set.
   *
   * @throws HoldfastError `PORT_IN_USE`, `CONFIG_INVALID` (address, certificate or key)
   */
  listen(): Promise<void>;
  /** `host:port`, real once it listens. */
  readonly address: string;
  readonly tlsAddress: string | undefined;
  /** Where other origins pull, when that is a port of its own. */
  readonly relayAddress: string | undefined;
  readonly sessionCount: number;
  /** What is counted of its sessions, and of those who were not let in. */
  readonly tally: SessionTally;
  readonly admission: Admission;
  /** Take no more connections and end the present ones in order; after `graceMs` they are cut. */
  stop(graceMs?: number): Promise<void>;
}

export interface RtmpServerOptions extends Omit<SessionDeps, "budgets"> {
  /** Shared with what else receives media for the origin; its own when absent. */
  readonly budgets?: ReceiveBudgets;
  /** Listen on one more RTMP port, which no other worker shares; 0 takes a free one. */
  readonly relayPort?: number | undefined;
}

export function createRtmpServer(options: RtmpServerOptions): RtmpServer {
  const { budgets = receiveBudgets(options.config.limits) } = options;
  return new Listener({ ...options, budgets }, options.relayPort);
}

const GRACE = 1_000;
const KEEP_ALIVE = 30_000;

type ListenerKind = "rtmp" | "rtmps" | "relay";
const SETTING = Object.freeze({ rtmp: "rtmp.port", rtmps: "rtmps.port", relay: "workers.relayPort" });

class Listener implements RtmpServer {
  readonly #deps: SessionDeps;
  readonly #log: Logger;
  readonly tally = new SessionTally(["rtmp", "rtmps"]);
  readonly admission: Admission;
  readonly #sessions = new Set<RtmpSession>();
  readonly #servers: Server[] = [];
  #credentials: TlsCredentials | undefined;
  #address = "";
  #tlsAddress: string | undefined;
  readonly #relayPort: number | undefined;
  #relayAddress: string | undefined;
  #stopping = false;
  #emptied = (): void => undefined;

  constructor(deps: SessionDeps, relayPort: number | undefined) {
    this.#deps = deps;
    this.#relayPort = relayPort;
    this.#log = deps.log;
    this.admission = new Admission(deps.config.limits, deps.clock, deps.log);
  }

  async listen(): Promise<void> {
    const { rtmp, rtmps } = this.#deps.config;
    try {
      const accept = (socket: Socket): void => this.#accept(socket);
      this.#address = await this.#listenOn("rtmp", rtmp.port, accept);
      if (this.#relayPort !== undefined)
        this.#relayAddress = await this.#listenOn("relay", this.#relayPort, accept);
      if (rtmps.port === undefined || rtmps.cert === undefined || rtmps.key === undefined) return;
      const credentials = new TlsCredentials({ cert: rtmps.cert, key: rtmps.key }, this.#log);
      this.#credentials = credentials;
      credentials.watch();
      this.#tlsAddress = await this.#listenOn("rtmps", rtmps.port, (socket) =>
        this.#accept(socket, credentials),
      );
    } catch (error) {
      await this.stop(0);
      throw error;
    }
  }

  get address(): string {
    return this.#address;
  }

  get tlsAddress(): string | undefined {
    return this.#tlsAddress;
  }

  get relayAddress(): string | undefined {
    return this.#relayAddress;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  async stop(graceMs = GRACE): Promise<void> {
    this.#stopping = true;
    this.#credentials?.close();
    const closed = this.#servers
      .splice(0)
      .map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    const reason = new HoldfastError("STOPPING");
    for (const session of this.#sessions) session.stop(reason);
    const cancel = this.#deps.clock.after(graceMs, () => {
      for (const session of this.#sessions) session.abort(reason);
    });
    if (this.#sessions.size > 0) await new Promise<void>((resolve) => (this.#emptied = resolve));
    cancel();
    await Promise.all(closed);
  }

  #listenOn(what: ListenerKind, port: number, accept: (socket: Socket) => void): Promise<string> {
    const host = this.#deps.config.bind;
    const server = createServer(
      { ...NO_READ_AHEAD, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE },
      accept,
    );
    return new Promise((resolve, reject) => {
      server.once("error", (error: NodeJS.ErrnoException) => reject(listenFailed(what, host, port, error)));
      // Exclusive: not shared with other workers.
      server.listen({ host, port, backlog: 4_096, exclusive: what === "relay" }, () => {
        server.removeAllListeners("error");
        // Such as EMFILE: the connection is lost, the origin is not.
        server.on("error", (error) => this.#log.error({ err: error, listener: what }, "accept failed"));
        this.#servers.push(server);
        const bound = server.address() as AddressInfo;
        resolve(formatAddress(bound.address, bound.port));
      });
    });
  }

  #accept(socket: Socket, credentials?: TlsCredentials): void {
    // Until the session listens, and for the raw socket under TLS.
    socket.on("error", () => undefined);
    if (this.#stopping) return void socket.destroy();
    const address = this.admission.admit(socket);
    if (address === undefined) return;
    const stream = credentials
      ? new TLSSocket(socket, { isServer: true, secureContext: credentials.context })
      : socket;
    const session = new RtmpSession(
      this.#deps,
      { id: randomUUID(), protocol: credentials ? "rtmps" : "rtmp", address },
      { socket: stream, reset: () => void socket.resetAndDestroy() },
      (reason) => this.#gone(session, reason),
    );
    this.#sessions.add(session);
    this.tally.begin(session);
  }

  #gone(session: RtmpSession, reason: HoldfastError): void {
    this.#sessions.delete(session);
    this.tally.end(session, reason.code);
    if (this.#sessions.size === 0) this.#emptied();
  }
}

function listenFailed(
  what: ListenerKind,
  host: string,
  port: number,
  error: NodeJS.ErrnoException,
): HoldfastError {
  const address = formatAddress(host, port);
  return error.code === "EADDRINUSE"
    ? new HoldfastError("PORT_IN_USE", { detail: `${SETTING[what]}: ${address} is already in use`, address })
    : new HoldfastError(
        "CONFIG_INVALID",
        { detail: `${SETTING[what]}: cannot listen on ${address} (${error.code ?? error.message})`, address },
        { cause: error },
      );
}
