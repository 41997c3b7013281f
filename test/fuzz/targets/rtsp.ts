import type { Socket } from "node:net";
import fc from "fast-check";
import { configSchema } from "../../../src/config/schema.ts";
import { HoldfastError } from "../../../src/domain/errors.ts";
import type { MediaPacket } from "../../../src/domain/ports/channel.ts";
import { parseSourceUrl, type NetworkSource } from "../../../src/domain/source-url.ts";
import { Intake } from "../../../src/media/ingest/intake.ts";
import type { PullOptions } from "../../../src/media/ingest/pull-options.ts";
import { RtspSession } from "../../../src/media/ingest/rtsp/session.ts";
import { receiveBudgets } from "../../../src/media/receive-budgets.ts";
import { classify } from "../../../src/media/packet.ts";
import { AAC_SDP, sdpOf, VIDEO_SDP } from "../../support/camera-server.ts";
import {
  aacPacket,
  avcSps,
  AVC_PPS,
  goodbye,
  interleaved,
  PictureSender,
  rtp,
  senderReport,
} from "../../support/rtp.ts";
import { hashOf, ownCopy, Random, splitBytes } from "../engine/random.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { clientSeeds, regressions } from "../seeds.ts";
import { bytesUpTo, exactly, joined, several, uint } from "./byte-arbitraries.ts";
import { FakeSocket, turns } from "./fake-socket.ts";
import { QuickClock } from "./quick-clock.ts";
import { recordingLog } from "./recording-log.ts";

const SOURCE = parseSourceUrl("rtsp://user:secret@camera.example/stream1") as NetworkSource;
const { limits, rtmp } = configSchema.parse({ limits: { messageAfterPublish: "64KB" } });
const SECRET = /secret|c2VjcmV0/;

interface Playing {
  readonly packets: readonly MediaPacket[];
  /** What it was rejected with, or where it was redirected to. */
  readonly end: string;
  readonly error: HoldfastError | undefined;
}

/** Each answer comes after its request; what follows the last one comes in pieces. */
async function play(input: Buffer, split: (rest: Buffer) => readonly Buffer[]): Promise<Playing> {
  const packets: MediaPacket[] = [];
  const socket = new FakeSocket();
  const clock = new QuickClock();
  const budgets = receiveBudgets(limits);
  const stop = new AbortController();
  const { log } = recordingLog();
  const options: PullOptions = {
    connectTimeout: 1_000,
    idleTimeout: 1_000,
    allowExec: false,
    limits,
    rtmp,
    clock,
    log,
    budgets,
  };
  const sink = { opened: () => undefined, write: (packet: MediaPacket) => void packets.push(packet) };
  const intake = new Intake(sink, stop.signal, options);
  const events = { leftOut: () => undefined, opened: () => undefined };
  const session = new RtspSession(socket as unknown as Socket, SOURCE, intake, options, events);
  let error: HoldfastError | undefined;
  let end = "";
  const running = session.run().then(
    (location) => void (end = String(location)),
    (reason: unknown) => {
      if (!(reason instanceof HoldfastError)) throw reason;
      error = reason;
      end = `${reason.code}: ${reason.message}`;
    },
  );
  // Whoever waits for it below is late.
  running.catch(() => undefined);
  for (const piece of piecesOf(input, split)) {
    socket.arrive(piece);
    await turns(3);
  }
  clock.advance(40_000);
  socket.leave();
  await turns(3);
  await running;
  await session.leave();
  intake.close();
  must(clock.waiting === 0, "a timer is left");
  must(budgets.all.taken === 0, "memory is left");
  must(socket.destroyed, "the connection is left");
  must(!SECRET.test(end), "the error tells the password");
  const requests = Buffer.concat(socket.sent).toString("latin1");
  must(!/^[A-Z_]+ \S*secret/m.test(requests), "a request line tells the password");
  return { packets, end, error };
}

function piecesOf(input: Buffer, split: (rest: Buffer) => readonly Buffer[]): Buffer[] {
  const starts = [...input.toString("latin1").matchAll(/RTSP\/1\.0 \d/g)]
    .map(({ index }) => index)
    .slice(1, 6);
  const ends = [...starts, input.length];
  const answers = ends.map((end, index) => input.subarray(index === 0 ? 0 : ends[index - 1], end));
  return [...answers.slice(0, -1), ...split(answers.at(-1) as Buffer)].filter(({ length }) => length > 0);
}

/** What players rely on. */
function check(packets: readonly MediaPacket[]): void {
  const last = { audio: 0, video: 0, data: 0 };
  const known = new Set<string>();
  let began = false;
  for (const packet of packets) {
    const { type, timestamp } = packet;
    const { role, keyframe } = classify(packet);
    must(timestamp >= last[type] && timestamp < 2 ** 32, "time goes back");
    last[type] = timestamp;
    must(role !== "other", "a packet that nobody understands");
    if (role === "header") known.add(type);
    if (role === "frame") must(known.has(type), "a frame without its header");
    if (role === "frame" && type === "video") {
      must(began || keyframe, "pictures begin without a keyframe");
      began = true;
    }
  }
}

function linesOf({ packets, end }: Playing): string {
  const lines = packets.map(({ type, timestamp, payload }) => `${type} ${timestamp} ${hashOf(payload)}`);
  return [...lines, end].join("\n");
}

async function run(input: Buffer): Promise<void> {
  const whole = await play(ownCopy(input), (rest) => [rest]);
  check(whole.packets);
  let answers = 0;
  const split = await play(ownCopy(input), (rest) => {
    answers = rest.toString("latin1").split("RTSP/").length - 1;
    return splitBytes(rest, new Random(hashOf(input)));
  });
  // A second answer in a segment comes before its request; in pieces it comes after it.
  must(answers > 1 || linesOf(split) === linesOf(whole), "the same bytes, split, are other media");
  if (whole.error) throw whole.error;
}

function answer(sequence: number, headers: string, body = ""): Buffer {
  const length = body === "" ? "" : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.from(`RTSP/1.0 200 OK\r\nCSeq: ${sequence}\r\n${headers}${length}\r\n${body}`);
}

function camera(sdp: string, tracks: number): Buffer {
  const setups = Array.from({ length: tracks }, (_, index) =>
    answer(
      3 + index,
      `Session: 1;timeout=60\r\nTransport: RTP/AVP/TCP;interleaved=${2 * index}-${2 * index + 1}\r\n`,
    ),
  );
  const info = "RTP-Info: url=rtsp://camera.example/stream1/track1;seq=1;rtptime=0\r\n";
  return Buffer.concat([
    answer(1, "Public: OPTIONS, GET_PARAMETER\r\n"),
    answer(2, "Content-Base: rtsp://camera.example/stream1/\r\n", sdp),
    ...setups,
    answer(3 + tracks, info),
  ]);
}

const BOTH = camera(sdpOf(VIDEO_SDP([avcSps({ profile: 77, references: 3 }), AVC_PPS]), AAC_SDP), 2);
const PICTURES = camera(sdpOf(VIDEO_SDP()), 1);

const payload = joined(
  exactly(
    "\x65\x88",
    "\x41\x9a",
    "\x7c\x85\x80",
    "\x7c\x05",
    "\x7c\x45",
    "\x78\0\x04\x65\x88\0\0",
    "\x06\x05",
    "\0\x10\0\x20",
    "\0\x20\0\x08\0\x08",
  ),
  bytesUpTo(12),
);
const packet = fc
  .record({
    channel: fc.constantFrom(0, 0, 0, 2, 2, 1, 3, 9),
    type: fc.constantFrom(96, 96, 97, 97, 0),
    sequence: fc.nat(12),
    timestamp: fc.constantFrom(0, 3_600, 7_200, 10_800, 1_024, 2 ** 31, 2 ** 32 - 3_600),
    marker: fc.boolean(),
    ssrc: fc.constantFrom(7, 7, 7, 8),
    payload,
  })
  .map(({ channel, ...fields }) =>
    interleaved(channel, rtp({ ...fields, payload: Buffer.from(fields.payload) })),
  );
const control = fc
  .tuple(fc.constantFrom(1, 3), fc.nat(), fc.nat())
  .map(([channel, wall, timestamp]) => interleaved(channel, senderReport(wall, timestamp)));

function sample(): Buffer {
  const sender = new PictureSender();
  const shown = [0, 3, 1, 2, 6, 4, 5];
  const sent = shown.map((at, index) =>
    sender.picture({ key: index === 0, timestamp: at * 3_600, bytes: index === 0 ? 2_500 : 40 }),
  );
  const sound = [1, 2, 3].map((number) =>
    interleaved(2, aacPacket(number, number * 1_024, [Buffer.alloc(9, number)])),
  );
  const reports = [interleaved(1, senderReport(1e12, 0)), interleaved(3, senderReport(1e12 + 100, 0, 8))];
  return Buffer.concat([
    BOTH,
    ...sent,
    ...reports,
    ...sound,
    interleaved(1, goodbye()),
    interleaved(3, goodbye(8)),
  ]);
}

export const target: FuzzTarget = {
  name: "rtsp",
  codes: ["SOURCE_FAILED", "SOURCE_REFUSED", "SOURCE_UNSUPPORTED"],
  structure: joined(
    exactly(BOTH, BOTH, PICTURES),
    several(
      fc.oneof({ weight: 6, arbitrary: packet }, control, joined(exactly("$"), uint(3), bytesUpTo(8))),
      24,
    ),
  ),
  seeds: [sample(), ...clientSeeds("rtsp-serve"), ...regressions("rtsp")],
  words: [
    "RTSP/1.0 401 Unauthorized\r\n",
    'WWW-Authenticate: Digest realm="a", nonce="b", qop="auth"\r\n',
    "Session: ",
    "interleaved=0-1",
    "config=1190",
    "$\0\0\x0c",
    "\r\n\r\n",
    "a=control:",
  ],
  mostBytes: 32_768,
  mostSteps: (bytes) => 400_000 + 2_000 * bytes,
  mostMemory: (bytes) => ({ largest: 262_144 + 4 * bytes, total: (1 << 21) + 64 * 1_024 * bytes }),
  run,
};
