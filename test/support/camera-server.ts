import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { AVC_PPS, avcSps } from "./rtp.ts";

export interface CameraRequest {
  readonly method: string;
  readonly uri: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface CameraReply {
  /** Such as `404 Not Found`; 200 OK when absent. */
  readonly status?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface CameraScript {
  readonly sdp?: string;
  /** Another reply than the usual one; bytes as they are; "silence" for none. */
  readonly reply?: (request: CameraRequest) => CameraReply | Buffer | "silence" | undefined;
  /** Sent in the same write as the reply to PLAY. */
  readonly media?: Buffer;
  /** So many bytes in each write. */
  readonly pieces?: number;
  /** What happens after the media. */
  readonly onMedia?: (socket: Socket) => void;
}

const PARAMETER_SETS = [avcSps({ profile: 66, references: 1 }), AVC_PPS];

export const VIDEO_SDP = (sets: readonly Buffer[] = PARAMETER_SETS): string =>
  [
    "m=video 0 RTP/AVP 96",
    "a=rtpmap:96 H264/90000",
    `a=fmtp:96 packetization-mode=1${sets.length === 0 ? "" : `;sprop-parameter-sets=${sets.map((set) => set.toString("base64")).join()}`}`,
    "a=control:track1",
  ].join("\r\n");
export const AAC_SDP = [
  "m=audio 0 RTP/AVP 97",
  "a=rtpmap:97 mpeg4-generic/48000/2",
  "a=fmtp:97 streamtype=5; profile-level-id=15; mode=AAC-hbr; config=1190; SizeLength=13; IndexLength=3; IndexDeltaLength=3",
  "a=control:track2",
].join("\r\n");
export const G711_SDP = ["m=audio 0 RTP/AVP 0", "a=control:track2"].join("\r\n");

export function sdpOf(...media: readonly string[]): string {
  return ["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=camera", "t=0 0", "a=control:*", ...media, ""].join("\r\n");
}

/** A camera that sends what a test wants, in the pieces that it wants. */
export class CameraServer {
  readonly requests: CameraRequest[] = [];
  /** RTP and RTCP of the client: channel and bytes. */
  readonly packets: { readonly channel: number; readonly data: Buffer }[] = [];
  readonly #script: CameraScript;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(script: CameraScript) {
    this.#script = script;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(script: CameraScript): Promise<CameraServer> {
    const camera = new CameraServer(script);
    await new Promise<void>((resolve) => camera.#server.listen(0, "127.0.0.1", resolve));
    return camera;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `rtsp://127.0.0.1:${this.port}/stream1`;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#sockets.size;
  }

  methods(): string[] {
    return this.requests.map(({ method }) => method);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined);
    socket.setNoDelay(true);
    let rest: Buffer = Buffer.alloc(0);
    socket.on("data", (data: Buffer) => {
      rest = Buffer.concat([rest, data]);
      for (let used = -1; used !== 0; rest = rest.subarray(used)) used = this.#read(socket, rest);
    });
  }

  #read(socket: Socket, data: Buffer): number {
    if (data[0] === 0x24) {
      const end = data.length < 4 ? Number.POSITIVE_INFINITY : 4 + data.readUInt16BE(2);
      if (end > data.length) return 0;
      this.packets.push({ channel: data[1] as number, data: Buffer.from(data.subarray(4, end)) });
      return end;
    }
    const end = data.indexOf("\r\n\r\n");
    if (end < 0) return 0;
    const [start = "", ...lines] = data.toString("latin1", 0, end).split("\r\n");
    const [method = "", uri = ""] = start.split(" ");
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const request = { method, uri, headers };
    if (!method.startsWith("RTSP/")) {
      this.requests.push(request);
      void this.#answer(socket, request);
    }
    return end + 4;
  }

  async #answer(socket: Socket, request: CameraRequest): Promise<void> {
    const reply = this.#script.reply?.(request) ?? this.#usual(request);
    if (reply === "silence") return;
    const bytes = Buffer.isBuffer(reply) ? reply : format(request, reply);
    const plays =
      request.method === "PLAY" && !Buffer.isBuffer(reply) && (reply.status ?? "200").startsWith("200");
    await this.#write(socket, plays ? Buffer.concat([bytes, this.#script.media ?? Buffer.alloc(0)]) : bytes);
    if (plays) this.#script.onMedia?.(socket);
    if (request.method === "TEARDOWN") socket.end();
  }

  #usual({ method, uri, headers }: CameraRequest): CameraReply {
    const Session = "12345678;timeout=60";
    if (method === "OPTIONS")
      return { headers: { Public: "DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER" } };
    if (method === "DESCRIBE")
      return {
        headers: { "Content-Base": `${uri}/`, "Content-Type": "application/sdp" },
        body: this.#script.sdp ?? sdpOf(VIDEO_SDP()),
      };
    if (method === "SETUP") return { headers: { Session, Transport: headers.get("transport") ?? "" } };
    return { headers: { Session } };
  }

  async #write(socket: Socket, bytes: Buffer): Promise<void> {
    const size = this.#script.pieces ?? bytes.length;
    for (let at = 0; at < bytes.length && !socket.destroyed; at += size)
      await new Promise<void>((resolve) => socket.write(bytes.subarray(at, at + size), () => resolve()));
  }
}

function format(
  { headers }: CameraRequest,
  { status = "200 OK", headers: more = {}, body }: CameraReply,
): Buffer {
  const all = {
    CSeq: headers.get("cseq") ?? "",
    ...more,
    ...(body === undefined ? {} : { "Content-Length": String(Buffer.byteLength(body)) }),
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`RTSP/1.0 ${status}\r\n${lines.join("")}\r\n${body ?? ""}`);
}
