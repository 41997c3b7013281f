import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import type { AmfObject } from "../../src/media/rtmp/amf0.ts";
import { ChunkReader } from "../../src/media/rtmp/chunk-reader.ts";
import { writeMessage } from "../../src/media/rtmp/chunk-writer.ts";
import { connectionCommand, decodeCommand, isCommand, streamCommand } from "../../src/media/rtmp/commands.ts";
import type { RtmpCommand } from "../../src/media/rtmp/commands.ts";
import { ServerHandshake } from "../../src/media/rtmp/handshake.ts";
import type { RtmpMessage } from "../../src/media/rtmp/message.ts";
import { waitFor } from "./wait.ts";

const LIMITS = { messageBytes: 0xff_ffff, chunkStreams: 64, halfReceivedBytes: 64 << 20 };
const AMF = { depth: 16, elements: 1_024 };

/** One client of a {@link WireServer}, driven by hand. */
export class WirePeer {
  readonly messages: RtmpMessage[] = [];
  readonly commands: RtmpCommand[] = [];
  closed = false;
  readonly #socket: Socket;
  readonly #handshake = new ServerHandshake();
  readonly #reader: ChunkReader;
  #ready = false;
  #taken = 0;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new ChunkReader(LIMITS, (message) => this.#arrived(message));
    socket.setNoDelay(true);
    socket.on("data", (data: Buffer) => this.#push(data));
    socket.on("error", () => undefined);
    socket.on("close", () => (this.closed = true));
  }

  /** The next command with this name; those before it are passed over. */
  async next(name: string): Promise<RtmpCommand> {
    return waitFor(
      () => {
        while (this.#taken < this.commands.length) {
          const command = this.commands[this.#taken++] as RtmpCommand;
          if (command.name === name) return command;
        }
        if (this.closed) throw new Error("the client is gone");
        return undefined;
      },
      { what: `the command ${name}` },
    );
  }

  /** All in one write, as one packet where it fits. */
  send(...parts: readonly (RtmpMessage | Buffer)[]): void {
    this.#socket.write(
      Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : writeMessage(part, 128)))),
    );
  }

  /** Answer connect and createStream as servers do, and return the `play` or `publish` that follows. */
  async accept(command: "play" | "publish", streamId = 1): Promise<RtmpCommand> {
    this.send(accepted((await this.next("connect")).transaction));
    this.send(connectionCommand("_result", (await this.next("createStream")).transaction, null, streamId));
    return this.next(command);
  }

  close(): void {
    this.#socket.destroy();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  #push(data: Buffer): void {
    if (this.#ready) return this.#reader.push(data);
    const { reply, done, rest } = this.#handshake.push(data);
    if (reply.length > 0) this.#socket.write(reply);
    if (!done) return;
    this.#ready = true;
    this.#reader.push(rest);
  }

  #arrived(message: RtmpMessage): void {
    this.messages.push(message);
    if (isCommand(message)) this.commands.push(decodeCommand(message, AMF));
  }
}

/** The `_result` of connect. */
export function accepted(transaction: number): RtmpMessage {
  const info = {
    level: "status",
    code: "NetConnection.Connect.Success",
    description: "ok",
    objectEncoding: 0,
  };
  return connectionCommand("_result", transaction, { fmsVer: "FMS/3,0,1,123", capabilities: 31 }, info);
}

/** `onStatus` of stream 1. */
export function onStatus(level: string, code: string, description = "", more: AmfObject = {}): RtmpMessage {
  return streamCommand(1, "onStatus", 0, null, { level, code, description, ...more });
}

/** An RTMP server that says what its test wants. */
export interface WireServer {
  readonly port: number;
  readonly peers: readonly WirePeer[];
  /** The first error of a script. */
  readonly failure: unknown;
  stop(): Promise<void>;
}

/** Listen on a free port of 127.0.0.1 and run `script` for each client. With `tls` it is RTMPS. */
export async function startWireServer(
  script: (peer: WirePeer) => Promise<void> | void,
  tls?: TlsOptions,
): Promise<WireServer> {
  const peers: WirePeer[] = [];
  let failure: unknown;
  const take = (socket: Socket): void => {
    const peer = new WirePeer(socket);
    peers.push(peer);
    Promise.resolve(script(peer)).catch((error: unknown) => (failure ??= error));
  };
  const server: Server = tls ? createTlsServer({ ...tls }, take) : createServer(take);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    peers,
    get failure() {
      return failure;
    },
    async stop() {
      for (const peer of peers) peer.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
