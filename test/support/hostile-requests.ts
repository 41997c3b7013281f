import { connect, type Socket } from "node:net";
import { flvHeader, flvTag } from "./flv-file.ts";
import { webSocketFrame } from "./noise.ts";
import { videoFrame, videoHeader } from "./sample-media.ts";

/** Something that a client may send to an HTTP port, and the answer of a Holdfast origin. */
export interface HostileRequest {
  readonly name: string;
  readonly request: Buffer;
  readonly answer: RegExp;
  /** It ends node-media-server 4.4.3 (test/nightly/peer-crashes.test.ts). */
  readonly fatal?: true;
}

/** Header lines of a WebSocket upgrade. */
export const UPGRADE =
  "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
const get = (path: string, more = "") => Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`);
const upgrade = (path: string) => Buffer.from(`GET ${path} HTTP/1.1\r\n${UPGRADE}\r\n`);

function post(name: string, ...body: readonly Buffer[]): Buffer {
  const bytes = Buffer.concat(body);
  const head = `POST /live/${name}.flv HTTP/1.1\r\nHost: x\r\nContent-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), bytes]);
}

const picture = (timestamp: number, body: Buffer) => flvTag({ type: 9, timestamp, body });
const header = picture(0, videoHeader());
/** A tag as its 11 bytes say, whatever follows. */
const tagHead = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

/** GET, POST and upgrades. */
export const HOSTILE_REQUESTS: readonly HostileRequest[] = [
  {
    name: "http-flv-bad-name",
    fatal: true,
    request: get("/live/a%20b.flv"),
    answer: /^HTTP\/1\.1 404 .*STREAM_NOT_FOUND/s,
  },
  {
    name: "http-flv-name-nul",
    request: get("/live/a%00b.flv"),
    answer: /^HTTP\/1\.1 400 .*STREAM_NAME_INVALID/s,
  },
  {
    name: "http-flv-name-percent",
    request: get("/live/%zz.flv"),
    answer: /^HTTP\/1\.1 400 .*(?:STREAM_NAME_INVALID|REQUEST_INVALID)/s,
  },
  {
    name: "http-flv-name-dots",
    request: get("/live/..%2f..%2fetc.flv"),
    answer: /^HTTP\/1\.1 400 .*STREAM_NAME_INVALID/s,
  },
  {
    name: "http-flv-name-long",
    request: get(`/live/${"x".repeat(5_000)}.flv`),
    answer: /^HTTP\/1\.1 400 .*STREAM_NAME_INVALID/s,
  },
  {
    name: "http-header-large",
    request: get("/live/x.flv", `X: ${"x".repeat(20_000)}\r\n`),
    answer: /^HTTP\/1\.1 431 .*LIMIT_EXCEEDED/s,
  },
  {
    name: "http-no-http",
    request: Buffer.from("\u0016\u0003\u0001hello\r\n\r\n", "latin1"),
    answer: /^HTTP\/1\.1 400 .*PROTOCOL_VIOLATION/s,
  },
  {
    name: "ws-bad-name",
    fatal: true,
    request: upgrade("/live/a%20b.flv"),
    answer: /^HTTP\/1\.1 404 .*STREAM_NOT_FOUND/s,
  },
  { name: "ws-elsewhere", request: upgrade("/livez"), answer: /^HTTP\/1\.1 404 /s },
  {
    name: "ws-frames-early",
    request: Buffer.concat([
      upgrade("/live/nobody.flv"),
      ...[1, 2, 8, 9].map((opcode) => webSocketFrame(opcode, Buffer.from("\u0003\u00e8x"))),
    ]),
    answer: /^HTTP\/1\.1 404 /s,
  },
  {
    name: "http-flv-post-neg-ts",
    fatal: true,
    request: post(
      "negative",
      flvHeader(),
      header,
      picture(0x8000_0000, videoFrame({ key: true })),
      picture(0xffff_fff0, videoFrame({ number: 1 })),
    ),
    answer: /^HTTP\/1\.1 200 /s,
  },
  {
    name: "http-flv-post-noise",
    request: post("noise", Buffer.from("this is not FLV at all")),
    answer: /^HTTP\/1\.1 400 .*PROTOCOL_VIOLATION/s,
  },
  {
    name: "http-flv-post-cut",
    request: post("cut", flvHeader(), header.subarray(0, 20)),
    answer: /^HTTP\/1\.1 400 .*PROTOCOL_VIOLATION/s,
  },
  {
    name: "http-flv-post-offset",
    request: post("offset", Buffer.from("464c560105ffffffff", "hex")),
    answer: /^HTTP\/1\.1 400 .*PROTOCOL_VIOLATION/s,
  },
  {
    name: "http-flv-post-encrypted",
    request: post("encrypted", flvHeader(), tagHead("29 000010 000000 00 000000")),
    answer: /^HTTP\/1\.1 400 .*PROTOCOL_VIOLATION/s,
  },
  {
    name: "http-flv-post-empty-tags",
    request: post(
      "empty",
      flvHeader(),
      ...[8, 9, 18].map((type) => flvTag({ type: type as 8, timestamp: 0, body: Buffer.alloc(0) })),
    ),
    answer: /^HTTP\/1\.1 200 /s,
  },
  {
    name: "http-flv-post-tag-types",
    request: post(
      "types",
      flvHeader(),
      ...[0, 1, 15, 31].map((type) => flvTag({ type: type as 8, timestamp: 0, body: Buffer.alloc(30) })),
    ),
    answer: /^HTTP\/1\.1 200 /s,
  },
  { name: "http-flv-post-nothing", request: post("nothing"), answer: /^HTTP\/1\.1 200 /s },
];

/** Say it on a connection of its own, and listen. A stubborn client takes no FIN for an end. */
export function speak(
  address: string,
  bytes: Buffer,
  { stubborn = false } = {},
): { readonly socket: Socket; readonly answer: () => string } {
  const [host, port] = address.split(":");
  const socket = connect({ host: host as string, port: Number(port), allowHalfOpen: stubborn });
  let answer = "";
  socket.on("error", () => undefined).on("data", (data) => (answer += data.toString("latin1")));
  socket.write(bytes);
  return { socket, answer: () => answer };
}
