import type { Logger } from "pino";
import type { Config } from "../../config/schema.ts";
import { HoldfastError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import type { PlayGate, PublishGate } from "../../fleet/gates.ts";
import * as answers from "./answers.ts";
import { decodeCommand, isCommand, isData, type RtmpCommand } from "./commands.ts";
import { MESSAGE, type RtmpMessage } from "./message.ts";
import { answerCall, streamNameOf } from "./session-calls.ts";
import { readConnect, type ConnectRequest, type PeerIdentity } from "./session-connect.ts";
import { RtmpConnection, type ClosingManner, type PeerSocket } from "./session-connection.ts";
import { amfLimits, connectedLimits, connectionOptions } from "./session-limits.ts";
import type { ReceiveBudgets } from "../receive-budgets.ts";
import { logSessionEnd } from "../session-end.ts";
import { PlayRole } from "./session-play.ts";
import { PublishRole } from "./session-publish.ts";
import type { RoleHost, SessionClosed, SessionRole } from "./session-role.ts";
import { SessionWatch } from "../session-watch.ts";
import { readPlayName, readStreamName, type StreamName } from "../stream-name.ts";

export interface SessionDeps {
  readonly config: Config;
  readonly publish: PublishGate;
  readonly play: PlayGate;
  readonly log: Logger;
  readonly clock: Clock;
  /** Memory that all connections of the origin share. */
  readonly budgets: ReceiveBudgets;
}

/** One RTMP connection: handshake, connect, publish or play, media, end. */
export class RtmpSession implements RoleHost {
  readonly config: Config;
  readonly gates: { readonly publish: PublishGate; readonly play: PlayGate };
  readonly connection: RtmpConnection;
  readonly peer: PeerIdentity;
  readonly budgets: ReceiveBudgets;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #began: number;
  readonly #closed: SessionClosed;
  readonly #watch: SessionWatch;
  #connect: ConnectRequest | undefined;
  #announced = false;
  #role: PublishRole | PlayRole | undefined;
  lastRole: SessionRole | undefined;
  /** A publisher once: what it still has on the way is no attack. */
  #hasPublished = false;
  #dropped = 0;
  #end: HoldfastError | undefined;

  /** @param closed called once, when the socket is gone */
  constructor(deps: SessionDeps, peer: PeerIdentity, socket: PeerSocket, closed: SessionClosed) {
    const { config, clock } = deps;
    this.config = config;
    this.gates = { publish: deps.publish, play: deps.play };
    this.peer = peer;
    this.budgets = deps.budgets;
    this.#log = deps.log;
    this.#clock = clock;
    this.#began = clock.monotonic();
    this.#closed = closed;
    this.connection = new RtmpConnection(socket, connectionOptions(config, deps.budgets), this, clock);
    this.#watch = new SessionWatch(clock, config.limits, this.connection, (late) => this.fault(late));
    this.#watch.expect("handshake", config.limits.handshakeTimeout);
  }

  /** ms since the connection was accepted. */
  get age(): number {
    return this.#clock.monotonic() - this.#began;
  }

  get connect(): ConnectRequest {
    return this.#connected();
  }

  handshaken(): void {
    this.#watch.expectSinceBegin("connect command", this.config.limits.connectTimeout);
  }

  message(message: RtmpMessage): void {
    if (message.type === MESSAGE.video || message.type === MESSAGE.audio || isData(message))
      return this.#media(message);
    // Shared objects and what else Flash knew are nothing that anybody waits for.
    if (!isCommand(message)) return;
    this.connection.spend();
    const command = decodeCommand(message, amfLimits(this.config));
    if (command.name === "connect") return this.#accept(command);
    this.#connected();
    this.#command(command, message.streamId === 0 ? answers.STREAM_ID : message.streamId);
  }

  #accept(command: RtmpCommand): void {
    if (this.#connect)
      return this.connection.send(answers.callFailed(command.transaction, "connect came twice"));
    this.#connect = readConnect(command, this.peer);
    this.connection.limits = connectedLimits(this.config, this.budgets);
    this.connection.greet(answers.connectAccepted(command.transaction, this.#connect.offer));
    this.#awaitRole();
  }

  #command(command: RtmpCommand, streamId: number): void {
    switch (command.name) {
      case "publish":
      case "play":
      case "play2":
        return this.#begin(command, streamId);
      case "FCPublish":
        this.#announced = true;
        break;
      case "FCUnpublish":
        if (this.#isPublishing(command)) this.#leaveStream(streamId);
        break;
      case "closeStream":
      case "deleteStream":
        this.#leaveStream(streamId);
        break;
    }
    answerCall(this.connection, command, this.#role instanceof PlayRole ? this.#role : undefined);
  }

  #begin(command: RtmpCommand, streamId: number): void {
    // One question at a time: the answer to the first one decides what the second would mean.
    if (this.#role && !this.#role.accepted) return;
    if (command.args[1] === false) return this.#leaveStream(streamId);
    const publishes = command.name === "publish";
    let name: StreamName;
    try {
      name = this.#nameOf(command);
    } catch (error) {
      const reason = this.reasonOf(error);
      return publishes
        ? this.end(reason, [answers.publishRefused(streamId, reason)], "reset")
        : this.end(reason, [answers.playRefused(streamId, reason)], "destroy");
    }
    if (publishes && this.#role instanceof PublishRole && this.#role.key === name.key)
      return this.#role.confirm();
    this.#role?.leave("unpublished");
    this.#watch.settle();
    this.#watch.expectLife();
    this.#role = publishes
      ? new PublishRole(this, name, streamId, this.#announced)
      : new PlayRole(this, name, streamId);
    this.lastRole = this.#role;
    this.#role.begin().catch((error: unknown) => this.fault(error));
  }

  accepted(role: SessionRole): void {
    this.#log.debug({ session: this.peer.id, stream: role.key, role: role.kind }, "client accepted");
    if (!(role instanceof PublishRole)) return;
    this.#hasPublished = true;
    this.#watch.expectMedia(() => role.received);
  }

  /** Only the accepted publisher feeds the channel. */
  #media(message: RtmpMessage): void {
    if (this.#role instanceof PublishRole) return this.#role.media(message);
    this.drop();
    if (!this.#hasPublished)
      throw new HoldfastError("PROTOCOL_VIOLATION", { detail: "media from a client that does not publish" });
  }

  drop(): void {
    this.#dropped += 1;
  }

  /** The client closed its stream, and may begin another one. */
  #leaveStream(streamId: number): void {
    const role = this.#role;
    if (!role) return;
    this.#role = undefined;
    role.leave("unpublished");
    this.#awaitRole();
    if (role.kind !== "publisher" || !role.accepted) return;
    const text = `${role.key} is unpublished`;
    this.connection.send(answers.status(streamId, "status", "NetStream.Unpublish.Success", text));
  }

  #awaitRole(): void {
    this.#watch.expect("publish or play", this.config.limits.commandTimeout);
    this.#watch.expectLife();
  }

  /** FCUnpublish means what is published here, unless it names something else. */
  #isPublishing(command: RtmpCommand): boolean {
    if (!(this.#role instanceof PublishRole)) return false;
    try {
      return this.#nameOf(command).key === this.#role.key;
    } catch {
      return true;
    }
  }

  #nameOf(command: RtmpCommand): StreamName {
    const read = command.name.startsWith("play") ? readPlayName : readStreamName;
    return read(this.#connected().target, streamNameOf(command), this.config.vhosts);
  }

  #connected(): ConnectRequest {
    if (this.#connect) return this.#connect;
    throw new HoldfastError("PROTOCOL_VIOLATION", { detail: "connect must come first" });
  }

  /** This origin stops: publishers are reset, players get the true end. */
  stop(reason: HoldfastError): void {
    this.#role?.dismiss(reason);
    this.end(reason);
  }

  /** Close now, whatever is still to be said. */
  abort(reason: HoldfastError): void {
    this.end(reason);
    this.connection.close([], this.#hasPublished ? "reset" : "destroy");
  }

  left(cause: string): void {
    this.end(new HoldfastError("CLIENT_LEFT", { detail: `the client left: ${cause}` }), [], "destroy");
  }

  /** Something is wrong with what the peer sent, or with us; either way it ends this connection only. */
  fault(error: unknown): void {
    this.end(this.reasonOf(error));
  }

  reasonOf(error: unknown): HoldfastError {
    if (error instanceof HoldfastError) return error;
    this.#log.error({ session: this.peer.id, err: error }, "session failed");
    return new HoldfastError("INTERNAL");
  }

  end(
    reason: HoldfastError,
    lastWords: readonly (RtmpMessage | Buffer)[] = [],
    manner: ClosingManner = this.#role?.kind === "publisher" ? "reset" : "destroy",
  ): void {
    if (this.#end) return;
    this.#end = reason;
    this.#watch.stop();
    this.#role?.leave("disconnected");
    this.connection.close(lastWords, manner);
  }

  /** The socket is gone; the one line that every session leaves. */
  closed(): void {
    const reason = this.#end ?? new HoldfastError("CLIENT_LEFT");
    this.end(reason);
    logSessionEnd(this.#log, this, this.lastRole, reason, this.#dropped);
    this.#closed(reason);
  }
}
