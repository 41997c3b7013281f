import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { formatAddress } from "../../domain/address.ts";
import { asHoldfastError, HoldfastError } from "../../domain/errors.ts";
import { ChunkReader, type ChunkLimits } from "./chunk-reader.ts";
import { writeMessage } from "./chunk-writer.ts";
import { acknowledgement, pingResponse, readControlNumber, readUserControl } from "./control.ts";
import { ClientHandshake } from "./handshake.ts";
import { DEFAULT_CHUNK_SIZE, MESSAGE, type RtmpMessage } from "./message.ts";
import { NO_READ_AHEAD, PacedReader } from "../paced-reader.ts";
import type { ReadPace } from "../read-pace.ts";

export interface ConnectionTarget {
  readonly host: string;
  readonly port: number;
  /** RTMPS. `true` checks the server against the system's certificates. */
  readonly tls?: boolean | ConnectionOptions;
  /** Once media has come, the server is read as often as the other sources; without, as soon as it sends. */
  readonly pace?: ReadPace | undefined;
}

export interface ConnectionEvents {
  message(message: RtmpMessage): void;
  /** Called once, when nothing comes any more: with the reason given to `destroy`, or with `RELAY_FAILED`. */
  closed(reason: unknown): void;
}

/** A server that does not read gets no more answers than this. */
const UNSENT_ANSWERS = 65_536;

/** The client's end of one RTMP connection: socket, handshake, chunks, acknowledgements, pings. */
export class ClientConnection {
  readonly #socket: Socket;
  readonly #events: ConnectionEvents;
  readonly #pace: ReadPace | undefined;
  readonly #paced: PacedReader;
  readonly #reader: ChunkReader;
  readonly #address: string;
  #handshake: ClientHandshake | undefined = new ClientHandshake();
  /** What was written before C2 could be sent. */
  #waiting: Buffer[] | undefined = [];
  #sendChunkSize = DEFAULT_CHUNK_SIZE;
  #ackWindow = 0;
  #acknowledged = 0;
  #closed = false;

  constructor(target: ConnectionTarget, limits: ChunkLimits, events: ConnectionEvents) {
    this.#events = events;
    this.#pace = target.pace;
    this.#address = formatAddress(target.host, target.port);
    this.#reader = new ChunkReader(limits, (message) => this.#message(message));
    this.#socket = open(target);
    this.#socket.setNoDelay(true);
    this.#paced = new PacedReader(this.#socket, (data) => this.#receive(data));
    this.#socket.on("error", (error) => this.destroy(this.#failure(error.message, error)));
    this.#socket.on("close", () => this.destroy(this.#failure("the server closed the connection")));
    this.#socket.write((this.#handshake as ClientHandshake).start());
  }

  /** Bytes written that the socket has not taken yet. */
  get backlog(): number {
    return this.#socket.writableLength;
  }

  get bytesRead(): number {
    return this.#reader.bytesRead;
  }

  /** Whether the server has shown that it speaks RTMP. */
  get shaken(): boolean {
    return this.#handshake === undefined;
  }

  /** Send whole messages. Before the handshake is over they wait for it. */
  write(...parts: readonly (RtmpMessage | Buffer)[]): void {
    if (this.#closed) return;
    const chunked = parts.map((part) =>
      Buffer.isBuffer(part) ? part : writeMessage(part, this.#sendChunkSize),
    );
    if (this.#waiting) this.#waiting.push(...chunked);
    else {
      this.#gather();
      for (const bytes of chunked) this.#socket.write(bytes);
    }
  }

  /** What is written in one go leaves in one packet: createStream and play, header and keyframe. */
  #gather(): void {
    if (this.#socket.writableCorked > 0) return;
    this.#socket.cork();
    queueMicrotask(() => this.#socket.uncork());
  }

  /** Chunks written from now on are up to `bytes` long; the server was told just before. */
  set sendChunkSize(bytes: number) {
    this.#sendChunkSize = bytes;
  }

  /** End at once; what was written may be lost. */
  destroy(reason: unknown): void {
    if (!this.#close(reason)) return;
    this.#socket.destroy();
  }

  /** Send what was written, then end. A server that does not take it within `ms` is cut off. */
  finish(reason: unknown, ms: number): void {
    if (!this.#close(reason)) return;
    const timer = setTimeout(() => this.#socket.destroy(), ms);
    this.#socket.once("close", () => clearTimeout(timer));
    this.#socket.destroySoon();
  }

  #close(reason: unknown): boolean {
    if (this.#closed) return false;
    this.#closed = true;
    this.#reader.stop();
    this.#waiting = undefined;
    this.#events.closed(reason);
    return true;
  }

  #receive(data: Buffer): void {
    if (this.#closed) return;
    try {
      if (this.#handshake) this.#shake(this.#handshake, data);
      else this.#reader.push(data);
    } catch (error) {
      this.destroy(asHoldfastError(error, "PROTOCOL_VIOLATION"));
      return;
    }
    this.#acknowledge();
  }

  #shake(handshake: ClientHandshake, data: Buffer): void {
    const { reply, done, rest } = handshake.push(data);
    if (reply.length > 0) {
      this.#socket.write(Buffer.concat([reply, ...(this.#waiting ?? [])]));
      this.#waiting = undefined;
    }
    if (!done) return;
    this.#handshake = undefined;
    this.#reader.push(rest);
  }

  #message(message: RtmpMessage): void {
    switch (message.type) {
      case MESSAGE.acknowledgement:
      case MESSAGE.setPeerBandwidth:
        return;
      case MESSAGE.windowAckSize:
        this.#ackWindow = readControlNumber(message);
        return;
      case MESSAGE.userControl:
        this.#answerPing(message);
        break;
      case MESSAGE.audio:
      case MESSAGE.video:
        if (this.#pace) this.#paced.pace(this.#pace);
        break;
    }
    this.#events.message(message);
  }

  #answerPing(message: RtmpMessage): void {
    const control = readUserControl(message);
    if (control.event === "pingRequest" && this.backlog < UNSENT_ANSWERS)
      this.write(pingResponse(control.time));
  }

  /** [RTMP 1.0 §5.4.3] */
  #acknowledge(): void {
    const received = this.#reader.bytesRead;
    if (this.#ackWindow === 0 || received - this.#acknowledged < this.#ackWindow) return;
    this.#acknowledged = received;
    if (this.backlog < UNSENT_ANSWERS) this.write(acknowledgement(received));
  }

  #failure(what: string, cause?: Error): HoldfastError {
    const detail = `the connection to ${this.#address} failed: ${what}`;
    return new HoldfastError("RELAY_FAILED", { detail, address: this.#address }, cause ? { cause } : {});
  }
}

function open({ host, port, tls }: ConnectionTarget): Socket {
  if (tls === undefined || tls === false) return connectTcp({ ...NO_READ_AHEAD, host, port });
  // Node sends no server name of its own accord; an address is none. [RFC 6066 §3]
  const named = isIP(host) === 0 ? { servername: host } : {};
  return connectTls({ host, port, ...named, ...(tls === true ? {} : tls) });
}
