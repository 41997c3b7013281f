import { connect } from "node:net";
import type { Socket } from "node:net";
import type { AmfObject, AmfValue } from "../../src/media/rtmp/amf0.ts";
import { ChunkReader } from "../../src/media/rtmp/chunk-reader.ts";
import { writeMessage } from "../../src/media/rtmp/chunk-writer.ts";
import { decodeCommand, isCommand } from "../../src/media/rtmp/commands.ts";
import { connectionCommand, streamCommand } from "../../src/media/rtmp/commands.ts";
import type { RtmpCommand } from "../../src/media/rtmp/commands.ts";
import { ClientHandshake } from "../../src/media/rtmp/handshake.ts";
import { MESSAGE } from "../../src/media/rtmp/message.ts";
import type { RtmpMessage } from "../../src/media/rtmp/message.ts";
import { waitFor } from "./wait.ts";

/** A message with the moment it arrived, in ms of `performance.now()`. */
export interface Arrival {
  readonly at: number;
  readonly message: RtmpMessage;
  /** The decoded command, if it is one. */
  readonly command: RtmpCommand | undefined;
}

const LIMITS = { messageBytes: 0xffffff, chunkStreams: 64, halfReceivedBytes: 64 << 20 };
const AMF = { depth: 16, elements: 1024 };
const CHUNK_SIZE = 4096;

/** An RTMP client driven by hand: says exactly what the test wants, and keeps everything that is answered. */
export class WireClient {
  readonly arrivals: Arrival[] = [];
  /** How the server ended the connection; `undefined` while it is open. */
  ended: { readonly how: "fin" | "reset"; readonly at: number } | undefined;
  readonly #socket: Socket;
  readonly #handshake = new ClientHandshake();
  readonly #reader = new ChunkReader(LIMITS, (message) => this.#arrived(message));
  #ready = false;
  #transaction = 0;
  #chunkSize = 128;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (data) => this.#push(data));
    socket.on("end", () => (this.ended ??= { how: "fin", at: performance.now() }));
    socket.on("error", () => (this.ended ??= { how: "reset", at: performance.now() }));
    socket.write(this.#handshake.start());
  }

  /** Connect to `host:port` and shake hands. A stubborn client takes no FIN for an end, and goes on sending. */
  static async open(address: string, { stubborn = false } = {}): Promise<WireClient> {
    const [host, port] = address.split(":") as [string, string];
    const client = new WireClient(connect({ host, port: Number(port), allowHalfOpen: stubborn }));
    try {
      await waitFor(() => client.#ready || client.ended !== undefined, { what: "the handshake" });
      if (!client.#ready) throw new Error("the server ended the connection during the handshake");
    } catch (error) {
      client.close();
      throw error;
    }
    return client;
  }

  /** `connect` to an app and wait for the answer. `more` goes after the command object. */
  async connectTo(app: string, object: AmfObject = {}, ...more: AmfValue[]): Promise<RtmpCommand> {
    this.send({ ...control(MESSAGE.setChunkSize, CHUNK_SIZE) });
    this.#chunkSize = CHUNK_SIZE;
    const address = `${this.#socket.remoteAddress}:${this.#socket.remotePort}`;
    const all = { app, flashVer: "test", tcUrl: `rtmp://${address}/${app}`, ...object };
    return this.call("connect", all, ...more);
  }

  /** Send a command on the connection and wait for its `_result` or `_error`. */
  async call(name: string, ...args: AmfValue[]): Promise<RtmpCommand> {
    const transaction = ++this.#transaction;
    this.send(connectionCommand(name, transaction, ...args));
    return waitFor(
      () =>
        this.commands().find(
          (answer) =>
            answer.transaction === transaction && (answer.name === "_result" || answer.name === "_error"),
        ),
      { what: `the answer to ${name}` },
    );
  }

  /** Send a command on a message stream; answers are onStatus. */
  tell(streamId: number, name: string, ...args: AmfValue[]): void {
    this.send(streamCommand(streamId, name, ++this.#transaction, ...args));
  }

  send(message: RtmpMessage): void {
    if (!this.#socket.destroyed) this.#socket.write(writeMessage(message, this.#chunkSize));
  }

  /** The chunks of a message, to be sent one by one; those of other chunk streams may lie between. */
  chunksOf(message: RtmpMessage): Buffer[] {
    const bytes = writeMessage(message, this.#chunkSize);
    const first =
      bytes.length - message.payload.length - Math.ceil(message.payload.length / this.#chunkSize) + 1;
    const chunks = [bytes.subarray(0, first + this.#chunkSize)];
    for (let at = first + this.#chunkSize; at < bytes.length; at += 1 + this.#chunkSize)
      chunks.push(bytes.subarray(at, at + 1 + this.#chunkSize));
    return chunks;
  }

  /** Send bytes as they are. */
  sendBytes(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** False once nothing can be sent any more: the server is gone from the other end. */
  get writable(): boolean {
    return this.#socket.writable;
  }

  /** The commands that arrived so far. */
  commands(): RtmpCommand[] {
    return this.arrivals.flatMap(({ command }) => command ?? []);
  }

  /** Wait for an onStatus with this code; without one, for any. */
  async status(code?: string): Promise<Arrival & { readonly info: AmfObject }> {
    return waitFor(
      () => {
        for (const arrival of this.arrivals) {
          if (arrival.command?.name !== "onStatus") continue;
          const info = arrival.command.args[1] as AmfObject;
          if (code === undefined || info["code"] === code) return { ...arrival, info };
        }
        return undefined;
      },
      { what: `onStatus ${code ?? ""}` },
    );
  }

  /** Wait until the server has ended the connection. */
  async end(within = 10_000): Promise<{ readonly how: "fin" | "reset"; readonly at: number }> {
    return waitFor(() => this.ended, { within, what: "the end of the connection" });
  }

  /** Read nothing, until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Send what is left, and close. */
  leave(): void {
    this.#socket.end();
  }

  /** End with a RST. */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Break the connection without a word. */
  close(): void {
    this.#socket.destroy();
  }

  #push(data: Buffer): void {
    if (this.#ready) return this.#reader.push(data);
    const step = this.#handshake.push(data);
    if (step.reply.length > 0) this.#socket.write(step.reply);
    this.#ready = step.done;
    if (step.done && step.rest.length > 0) this.#reader.push(step.rest);
  }

  #arrived(message: RtmpMessage): void {
    const command = isCommand(message) ? decodeCommand(message, AMF) : undefined;
    this.arrivals.push({ at: performance.now(), message, command });
  }
}

function control(type: number, value: number): RtmpMessage {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(value);
  return { type, streamId: 0, chunkStreamId: 2, timestamp: 0, payload };
}
