import type { IncomingMessage } from "node:http";
import fc from "fast-check";
import { configSchema } from "../../../src/config/schema.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { MediaChannels } from "../../../src/media/channels.ts";
import { createFlvHandlers } from "../../../src/media/flv/handlers.ts";
import { openGates } from "../../support/fake-gates.ts";
import { FlvReader } from "../../support/flv-file.ts";
import { webSocketFrame } from "../../support/noise.ts";
import { sampleStream } from "../../support/sample-stream.ts";
import { hashOf, Random, splitBytes } from "../engine/random.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { clientSeeds, regressions } from "../seeds.ts";
import { bytesUpTo, joined, several, uint } from "./byte-arbitraries.ts";
import { FakeSocket, turns } from "./fake-socket.ts";
import { QuickClock } from "./quick-clock.ts";
import { recordingLog } from "./recording-log.ts";

const config = configSchema.parse({});
const KEY = parseStreamKey("live/cam");
const STEP = 5_000;
const ALL_TIMEOUTS = 5 * 60_000;
const stream = sampleStream({ duration: 160 });
const HEADERS = {
  connection: "Upgrade",
  upgrade: "websocket",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
};
/** What the first byte of the input may ask for besides `live/cam`. */
const URLS = [
  "/live/cam.flv",
  "/live/cam.flv",
  "/live/none.flv",
  "/live/..flv",
  "/live/cam.flv?vhost=x&a=b",
  "cam",
];

/**
 * A WebSocket player of a live stream. The first byte says what it asks for, how many of its bytes come before it is
 * answered, and how it ends; the rest is what it sends.
 */
async function run(input: Buffer): Promise<void> {
  const mode = input[0] ?? 0;
  const random = new Random(hashOf(input));
  const clock = new QuickClock();
  const { log, lines } = recordingLog();
  const channels = new MediaChannels({ clock, config, log });
  const gates = openGates(channels);
  const channel = channels.open(KEY);
  const source = channel.attach("publisher");
  for (const packet of stream) source.write(packet);
  const handlers = createFlvHandlers({ config, publish: gates, play: gates, log, clock });
  const socket = new FakeSocket();
  const url = URLS[mode % 8] ?? "/live/cam.flv";
  const request = {
    method: "GET",
    url,
    headers: HEADERS,
    socket,
    httpVersion: "1.1",
  } as unknown as IncomingMessage;
  const pieces = splitBytes(input.subarray(1), random);
  const head = mode & 8 ? (pieces.shift() ?? Buffer.alloc(0)) : Buffer.alloc(0);
  // The HTTP server listens, too.
  socket.on("error", () => undefined);
  socket.once("close", () => undefined);
  handlers.upgrade(request, socket, head);
  if (!(mode & 16)) await turns(2);
  for (const piece of pieces) {
    socket.arrive(piece);
    if (random.oneIn(4)) await turns(1);
    if (random.oneIn(8)) clock.advance(random.below(400));
  }
  for (const packet of stream) source.write({ ...packet, timestamp: packet.timestamp + 200 });
  clock.advance(200);
  await turns(2);
  if ((mode & 0x60) === 0) socket.leave();
  if ((mode & 0x60) === 0x20) socket.destroy(new Error("ECONNRESET"));
  if ((mode & 0x60) === 0x40) handlers.stop();
  for (let passed = 0; passed < ALL_TIMEOUTS && !socket.destroyed; passed += STEP)
    await clock.pass(STEP, STEP);
  await turns(2);

  const faults = lines.filter(({ level }) => level === "error" || level === "fatal");
  must(faults.length === 0, `logged: ${String(faults[0]?.fields["err"] ?? faults[0]?.text)}`);
  must(socket.destroyed, "the connection is left open");
  const ended = lines.filter(({ text }) => text === "session ended").length;
  const answer = Buffer.concat(socket.sent);
  const status = answer.toString("latin1", 0, 13);
  // A request for no stream at all is refused before there is a session.
  must(ended === 1 || (ended === 0 && status.startsWith("HTTP/1.1 400")), `${ended} lines for one session`);
  must(channel.subscribers === 0 && channels.players === 0, "the player is still in the channel");
  if (answer.length === 0) return;
  must(/^HTTP\/1\.1 \d{3} $/.test(status), `the answer begins with ${JSON.stringify(status)}`);
  if (status.startsWith("HTTP/1.1 101")) checkFrames(answer.subarray(answer.indexOf("\r\n\r\n") + 4));
}

/** Frames as a server must send them, and FLV in the binary ones. [RFC 6455 §5.1, §5.2] */
function checkFrames(bytes: Buffer): void {
  const flv = new FlvReader();
  let closed = false;
  for (let at = 0; at < bytes.length;) {
    must(at + 2 <= bytes.length, "a frame is cut short");
    const opcode = (bytes[at] as number) & 15;
    must(((bytes[at] as number) & 0xf0) === 0x80, "a frame is split, or has reserved bits");
    let length = bytes[at + 1] as number;
    must(length < 128, "a server's frame is masked");
    at += 2;
    if (length === 126) length = bytes.readUInt16BE(at);
    else if (length === 127) length = Number(bytes.readBigUInt64BE(at));
    at += length < 126 ? 0 : length < 65_536 ? 2 : 8;
    must(at + length <= bytes.length, "a frame is cut short");
    must(!closed, "a frame comes after the close frame");
    must([2, 8, 9, 10].includes(opcode), `a frame of opcode ${opcode}`);
    if (opcode === 2) flv.push(bytes.subarray(at, at + length));
    closed = opcode === 8;
    at += length;
  }
  must(flv.unread === 0, "the last tag is cut short");
}

const frame = fc
  .tuple(fc.constantFrom(0, 1, 2, 8, 9, 10, 3, 11), fc.oneof(bytesUpTo(20), uint(2)), fc.nat(15))
  .map(([opcode, payload, oddity]) => {
    const bytes = webSocketFrame(opcode, Buffer.from(payload));
    if (oddity === 0) bytes[0] = (bytes[0] as number) & 0x7f;
    if (oddity === 1) bytes[0] = (bytes[0] as number) | 0x40;
    if (oddity === 2) bytes[1] = (bytes[1] as number) & 0x7f;
    return bytes;
  });
const lying = joined(
  fc.constant(Buffer.from([0x82])),
  fc.constantFrom("\xfe", "\xff", "\x7f").map((text) => Buffer.from(text, "latin1")),
  uint(4),
  uint(4),
);

export const target: FuzzTarget = {
  name: "ws-flv",
  codes: [],
  structure: joined(
    uint(1, 255),
    several(fc.oneof({ weight: 5, arbitrary: frame }, { weight: 1, arbitrary: lying }), 6),
  ),
  seeds: [
    ...clientSeeds("ws-play").map((seed) =>
      Buffer.concat([Buffer.from([0]), seed.subarray(seed.indexOf("\r\n\r\n") + 4)]),
    ),
    ...[1, 2, 8, 9, 10].map((opcode) =>
      Buffer.concat([Buffer.from([0]), webSocketFrame(opcode, Buffer.from("\u0003\u00e8bye"))]),
    ),
    ...regressions("ws-flv"),
  ],
  words: [
    Buffer.from([0x88, 0x80]),
    Buffer.from([0x89, 0x80]),
    Buffer.from([0x82, 0xfe]),
    Buffer.from([0x82, 0xff]),
    Buffer.from([3, 0xe8]),
  ],
  mostBytes: 8_192,
  mostSteps: (bytes) => 1_000_000 + 4_000 * bytes,
  mostMemory: (bytes) => ({ largest: 1 << 20, total: (8 << 20) + 1_024 * bytes }),
  run,
};
