import fc from "fast-check";
import { configSchema } from "../../../src/config/schema.ts";
import { MediaChannels } from "../../../src/media/channels.ts";
import { receiveBudgets } from "../../../src/media/receive-budgets.ts";
import { ChunkReader } from "../../../src/media/rtmp/chunk-reader.ts";
import { decodeCommand, isCommand } from "../../../src/media/rtmp/commands.ts";
import { ClientHandshake } from "../../../src/media/rtmp/handshake.ts";
import { RtmpSession } from "../../../src/media/rtmp/session.ts";
import { openGates } from "../../support/fake-gates.ts";
import { HANDSHAKE, rtmpSession } from "../../support/noise.ts";
import { hashOf, ownCopy, Random, splitBytes } from "../engine/random.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { regressions, rtmpSeeds } from "../seeds.ts";
import { AMF_WORDS } from "./amf-arbitraries.ts";
import { FakeSocket, turns } from "./fake-socket.ts";
import { QuickClock } from "./quick-clock.ts";
import { recordingLog } from "./recording-log.ts";
import { sessionBytes } from "./session-arbitraries.ts";
import type { Socket } from "node:net";

const config = configSchema.parse({});
/** Longer than every time-out of a session. */
const ALL_TIMEOUTS = 10 * 60_000;
const STEP = 5_000;

/**
 * Two connections to one origin's sessions, whose bytes arrive piece by piece in turn. The first byte of the input says
 * how they end, how the bytes are shared, and whether a handshake is among them.
 */
async function run(input: Buffer): Promise<void> {
  const mode = input[0] ?? 0;
  const bytes = input.subarray(1);
  const random = new Random(hashOf(input));
  const clock = new QuickClock();
  const { log, lines } = recordingLog();
  const channels = new MediaChannels({ clock, config, log });
  const gates = openGates(channels);
  const budgets = receiveBudgets(config.limits);
  const parts =
    mode & 4 ? [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)] : [bytes];
  const peers = parts.map((part, index) => {
    const socket = new FakeSocket();
    let ends = 0;
    const identity = { id: `${index}`, protocol: "rtmp", address: socket.remoteAddress } as const;
    const deps = { config, publish: gates, play: gates, log, clock, budgets };
    const peer = { socket: socket as unknown as Socket, reset: () => void socket.destroy() };
    void new RtmpSession(deps, identity, peer, () => void ends++);
    const all = mode & 8 ? part : Buffer.concat([HANDSHAKE, part]);
    return { socket, pieces: splitBytes(all, random), ends: () => ends };
  });
  while (peers.some(({ pieces }) => pieces.length > 0)) {
    const { socket, pieces } = random.pick(peers.filter((peer) => peer.pieces.length > 0));
    socket.arrive(pieces.shift() as Buffer);
    // The gates answer later, as they do in a fleet.
    if (random.oneIn(4)) await turns(1);
    if (random.oneIn(8)) clock.advance(random.below(500));
  }
  await turns(2);
  for (const { socket } of peers) {
    if ((mode & 3) === 0) socket.leave();
    if ((mode & 3) === 1) socket.destroy(new Error("ECONNRESET"));
  }
  for (let passed = 0; passed < ALL_TIMEOUTS && peers.some(({ ends }) => ends() === 0); passed += STEP)
    await clock.pass(STEP, STEP);
  await turns(2);

  const faults = lines.filter(({ level }) => level === "error" || level === "fatal");
  must(faults.length === 0, `logged: ${String(faults[0]?.fields["err"] ?? faults[0]?.text)}`);
  const ended = lines.filter(({ text }) => text === "session ended");
  must(ended.length === peers.length, `${ended.length} lines for ${peers.length} sessions`);
  for (const { socket, ends } of peers) {
    must(ends() === 1, `a session ended ${ends()} times`);
    must(socket.destroyed, "a connection is left open");
    checkAnswers(Buffer.concat(socket.sent));
  }
  must(budgets.all.taken === 0 && budgets.strangers.taken === 0, "memory is counted that nobody holds");
  for (const channel of channels.all()) {
    must(channel.source === undefined, `${channel.key} still has a source`);
    must(channel.subscribers === 0, `${channel.key} still has players`);
  }
  must(channels.players === 0, "players are counted that are gone");
}

/** Whatever is answered is RTMP. */
function checkAnswers(bytes: Buffer): void {
  if (bytes.length === 0) return;
  const { done, rest } = new ClientHandshake().push(ownCopy(bytes));
  must(done, "the handshake is cut short");
  const limits = { messageBytes: 0xff_ffff, chunkStreams: 8, halfReceivedBytes: 1 << 26 };
  const reader = new ChunkReader(limits, (message) => {
    if (isCommand(message)) decodeCommand(message, { depth: 64, elements: 1 << 20 });
  });
  reader.push(ownCopy(rest));
  must(reader.halfReceived === 0, "the last message is cut short");
}

const samples = [true, false].map((publishes) => {
  const { opening, rest } = rtmpSession(publishes);
  return Buffer.concat([opening, rest]);
});
const mode = fc.constantFrom(0, 0, 1, 2, 4, 5, 6, 8).map((value) => Buffer.from([value]));

export const target: FuzzTarget = {
  name: "rtmp-session",
  codes: [],
  structure: fc
    .tuple(mode, sessionBytes, sessionBytes)
    .map(([how, one, other]) => Buffer.concat([how, one, (how[0] as number) & 4 ? other : Buffer.alloc(0)])),
  seeds: [
    ...[...samples, ...rtmpSeeds()].flatMap((seed) =>
      [0, 1, 2].map((how) => Buffer.concat([Buffer.from([how]), seed])),
    ),
    Buffer.concat([Buffer.from([4]), ...samples]),
    ...regressions("rtmp-session"),
  ],
  words: [...AMF_WORDS, "\x03\0\0\0\0\0\x04\x01\0\0\0\0", "\x02\0\0\0\0\0\x04\x05\0\0\0\0", "\x14\x01\0\0\0"],
  mostBytes: 16_384,
  mostSteps: (bytes) => 2_000_000 + 4_000 * bytes,
  mostMemory: (bytes) => ({ largest: 1 << 20, total: (16 << 20) + 16_384 * bytes }),
  run,
};
