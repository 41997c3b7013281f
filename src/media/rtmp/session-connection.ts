import type { Socket } from "node:net";
import { HoldfastError } from "../../domain/errors.ts";
import type { Clock } from "../../domain/ports/clock.ts";
import { ChunkReader, type ChunkLimits } from "./chunk-reader.ts";
import { writeMessage } from "./chunk-writer.ts";
import * as control from "./control.ts";
import { ServerHandshake } from "./handshake.ts";
import { DEFAULT_CHUNK_SIZE, MESSAGE, type RtmpMessage } from "./message.ts";
import { PacedReader } from "../paced-reader.ts";
import type { ReadPace } from "../read-pace.ts";
import { RateLimit } from "../../ops/rate-limit.ts";

/** The peer's socket, plain or TLS, and how to reset it. */
export interface PeerSocket {
  readonly socket: Socket;
  /** End the TCP connection with a RST at once; a TLS socket cannot do it by itself. */
  reset(): void;
}

export interface ConnectionOptions {
  /** Bytes per chunk that we send after the greeting. */
  readonly chunkSize: number;
  readonly windowAckSize: number;
  /** Messages per second that we answer. */
  readonly commandsPerSecond: number;
  /** Messages per second of any kind, parts of aggregates counted. */
  readonly messagesPerSecond: number;
  /** What the peer may send before it is trusted. */
  readonly limits: ChunkLimits;
  /** Unsent bytes above which the peer gets no more answers. */
  readonly maxUnsent: number;
}

export interface ConnectionEvents {
  handshaken(): void;
  /** A message other than protocol control. What this throws is a fault. */
  message(message: RtmpMessage): void;
  /** The bytes were wrong, or handling them failed. Nothing is read any more. */
  fault(error: unknown): void;
  /** The peer sent a FIN or the connection broke. */
  left(cause: string): void;
  /** The socket is gone. Called once, last. */
  closed(): void;
}

/**
 * `reset` is for publishers: OBS and others built on librtmp do not see a FIN. `finish` sends one, for players at a
 * true end. `destroy` closes, whatever that sends.
 */
export type ClosingManner = "reset" | "destroy" | "finish";

/** Smaller windows would make us answer every packet. */
const LEAST_WINDOW = 16_384;
/** Clients get this long to read why they are refused, or that the stream is over; then the connection is closed. */
const LINGER_MS = { reset: 250, destroy: 250, finish: 300 } as const;
/** How long a player may take for the rest of a stream after its end. */
const DRAIN_MS = 10_000;

/** The bytes of one RTMP connection: handshake, chunks, acknowledgements, pings. Knows no commands. */
export class RtmpConnection {
  readonly #peer: PeerSocket;
  readonly #options: ConnectionOptions;
  readonly #events: ConnectionEvents;
  readonly #clock: Clock;
  readonly #paced: PacedReader;
  readonly #reader: ChunkReader;
  readonly #rate: RateLimit;
  readonly #messages: RateLimit;
  #handshake: ServerHandshake | undefined = new ServerHandshake();
  #deaf = false;
  #chunkSize = DEFAULT_CHUNK_SIZE;
  #ackWindow: number;
  #acknowledged = 0;
  #bytesIn = 0;
  #pingBytes = 0;

  constructor(peer: PeerSocket, options: ConnectionOptions, events: ConnectionEvents, clock: Clock) {
    this.#peer = peer;
    this.#options = options;
    this.#events = events;
    this.#clock = clock;
    this.#ackWindow = options.windowAckSize;
    this.#reader = new ChunkReader(options.limits, (message) => this.#received(message));
    this.#rate = new RateLimit(options.commandsPerSecond, () => clock.monotonic());
    this.#messages = new RateLimit(options.messagesPerSecond, () => clock.monotonic());
    const { socket } = peer;
    this.#paced = new PacedReader(socket, (data) => this.#take(data));
    socket.on("end", () => events.left("it closed the connection"));
    socket.on("error", (error: NodeJS.ErrnoException) => events.left(error.code ?? error.message));
    socket.on("close", () => events.closed());
  }

  /** All bytes received, handshake included. */
  get bytesIn(): number {
    return this.#bytesIn;
  }

  get bytesOut(): number {
    return this.#peer.socket.bytesWritten;
  }

  /** Bytes written that the socket has not taken. */
  get backlog(): number {
    return this.#peer.socket.writableLength;
  }

  /** Bytes that the socket has taken, pings not counted. Grows only while the peer reads, once its buffers are full. */
  get taken(): number {
    return this.bytesOut - this.backlog - this.#pingBytes;
  }

  /** Trust the peer with more. */
  set limits(limits: ChunkLimits) {
    this.#reader.limits = limits;
  }

  /** The peer is a source: read it as often as the others. Without a pace it is read at once again. */
  set pace(pace: ReadPace | undefined) {
    if (pace) this.#paced.pace(pace);
    else this.#paced.unpace();
  }

  /** The answer to `connect`, behind what it depends on. [RTMP 1.0 §7.2.1.1] */
  greet(accepted: RtmpMessage): void {
    const { windowAckSize, chunkSize } = this.#options;
    this.#chunkSize = chunkSize;
    this.send(
      control.windowAckSize(windowAckSize),
      control.setPeerBandwidth(windowAckSize),
      control.setChunkSize(chunkSize),
      accepted,
    );
  }

  /** Send messages, or control messages in bytes, in one write. */
  send(...items: readonly (RtmpMessage | Buffer)[]): void {
    if (this.backlog > this.#options.maxUnsent)
      throw new HoldfastError("SLOW_READER", { detail: "the client does not read its answers" });
    const parts = items.map((item) => (Buffer.isBuffer(item) ? item : writeMessage(item, this.#chunkSize)));
    this.write(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts));
  }

  write(bytes: Buffer): void {
    if (this.#peer.socket.writable) this.#peer.socket.write(bytes);
  }

  ping(time: number): void {
    const bytes = control.pingRequest(time);
    this.#pingBytes += bytes.length;
    this.write(bytes);
  }

  /** Count a message that costs us an answer. @throws HoldfastError `LIMIT_EXCEEDED` */
  spend(): void {
    if (!this.#rate.spend())
      throw new HoldfastError("LIMIT_EXCEEDED", { detail: "the client sends too many commands" });
  }

  /** Read on, so that the peer is not blocked and its leaving is seen, but throw everything away. */
  deafen(): void {
    this.#deaf = true;
    this.pace = undefined;
    this.#reader.stop();
  }

  /** Say the last words, give the peer time to read them, and close; without last words close at once. */
  close(lastWords: readonly (RtmpMessage | Buffer)[], manner: ClosingManner): void {
    this.deafen();
    if (lastWords.length === 0) return this.#shut(manner);
    // They come behind a whole backlog, or not at all.
    if (this.backlog <= this.#options.maxUnsent) this.send(...lastWords);
    this.#clock.after(LINGER_MS[manner], () => this.#shut(manner));
  }

  #shut(manner: ClosingManner): void {
    const { socket } = this.#peer;
    if (socket.destroyed) return;
    if (manner === "reset") return this.#peer.reset();
    if (manner === "destroy") return this.#destroy();
    socket.end();
    this.#clock.after(DRAIN_MS, () => this.#destroy());
  }

  /** A FIN would wait behind what the peer does not read, with megabytes of the kernel's memory, for minutes. */
  #destroy(): void {
    const { socket } = this.#peer;
    if (socket.destroyed) return;
    if (this.backlog > 0) this.#peer.reset();
    else socket.destroy();
  }

  #take(data: Buffer): void {
    this.#bytesIn += data.length;
    if (this.#deaf) return;
    try {
      if (this.#handshake) this.#shakeHands(this.#handshake, data);
      else this.#reader.push(data);
      this.#acknowledge();
    } catch (error) {
      this.deafen();
      this.#events.fault(error);
    }
  }

  #shakeHands(handshake: ServerHandshake, data: Buffer): void {
    const step = handshake.push(data);
    if (step.reply.length > 0) this.write(step.reply);
    if (!step.done) return;
    this.#handshake = undefined;
    this.#events.handshaken();
    if (step.rest.length > 0) this.#reader.push(step.rest);
  }

  /** Whoever waits for acknowledgements stops sending without them. [RTMP 1.0 §5.4.3] */
  #acknowledge(): void {
    if (this.#deaf || this.#handshake || this.#bytesIn - this.#acknowledged < this.#ackWindow) return;
    this.#acknowledged = this.#bytesIn;
    this.send(control.acknowledgement(this.#bytesIn));
  }

  #received(message: RtmpMessage): void {
    if (!this.#messages.spend())
      throw new HoldfastError("LIMIT_EXCEEDED", { detail: "the client sends too many messages" });
    switch (message.type) {
      case MESSAGE.acknowledgement:
        return;
      case MESSAGE.windowAckSize:
        this.#ackWindow = Math.max(LEAST_WINDOW, control.readControlNumber(message));
        return;
      case MESSAGE.setPeerBandwidth:
        this.spend();
        return this.send(control.windowAckSize(this.#options.windowAckSize));
      case MESSAGE.userControl:
        return this.#userControl(message);
      default:
        return this.#events.message(message);
    }
  }

  #userControl(message: RtmpMessage): void {
    const event = control.readUserControl(message);
    if (event.event !== "pingRequest") return;
    this.spend();
    this.send(control.pingResponse(event.time));
  }
}
