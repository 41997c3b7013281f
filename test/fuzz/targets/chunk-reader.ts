import fc from "fast-check";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { MemoryBudget } from "../../../src/media/memory-budget.ts";
import { ChunkReader, type ChunkLimits } from "../../../src/media/rtmp/chunk-reader.ts";
import { setChunkSize } from "../../../src/media/rtmp/control.ts";
import type { RtmpMessage } from "../../../src/media/rtmp/message.ts";
import { basicHeader, ChunkForger, type ForgeOptions } from "../../support/forge-chunks.ts";
import { hashOf, ownCopy, Random, splitBytes } from "../engine/random.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { regressions, rtmpSeeds } from "../seeds.ts";
import { joined, several, uint, uintBytes } from "./byte-arbitraries.ts";

/** The first byte of the input says which limits hold, and after how many messages the reader is stopped. */
const LIMITS: readonly ChunkLimits[] = [
  { messageBytes: 65_536, chunkStreams: 8, halfReceivedBytes: 8 * 65_536 },
  { messageBytes: 0xff_ffff, chunkStreams: 32, halfReceivedBytes: 32 * 0x100_0000 },
  { messageBytes: 20_000, chunkStreams: 64, halfReceivedBytes: 64 * 20_000 },
  // Here the memory runs out: whether it does depends on how the bytes arrive.
  { messageBytes: 65_536, chunkStreams: 8, halfReceivedBytes: 30_000 },
];
const TIGHT = 3;

interface Reading {
  /** One line for each message. */
  readonly messages: readonly string[];
  readonly error: string | undefined;
}

function read(mode: number, pieces: readonly Buffer[]): Reading {
  const budget = new MemoryBudget(Infinity);
  const limits = { ...(LIMITS[mode & 3] as ChunkLimits), budget };
  const most = mode & 0x40 ? 1 + ((mode >> 2) & 15) : Infinity;
  const messages: string[] = [];
  const reader = new ChunkReader(limits, (message) => {
    must(messages.length < most, "no message comes after stop");
    must(message.payload.length <= limits.messageBytes, "a message is longer than allowed");
    messages.push(lineOf(message));
    if (messages.length >= most) reader.stop();
  });
  let pushed = 0;
  try {
    for (const piece of pieces) {
      reader.push(piece);
      pushed += piece.length;
      must(budget.taken === reader.halfReceived, "a shared budget counts otherwise");
      must(reader.halfReceived >= 0, "unfinished messages take less than nothing");
      must(reader.halfReceived <= limits.halfReceivedBytes, "unfinished messages take too much");
      must(
        reader.halfReceived <= 2 * pushed + 16_384 * limits.chunkStreams,
        "memory for what has not arrived",
      );
    }
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    must(reader.halfReceived === 0 && budget.taken === 0, "a failed reader holds memory");
    return { messages, error: error.message };
  }
  return { messages, error: undefined };
}

function lineOf({ type, streamId, chunkStreamId, timestamp, payload }: RtmpMessage): string {
  return `${type} ${streamId} ${chunkStreamId} ${timestamp} ${payload.length} ${hashOf(payload)}`;
}

function run(input: Buffer): void {
  const mode = input[0] ?? 0;
  const bytes = input.subarray(1);
  const whole = read(mode, [ownCopy(bytes)]);
  const ways = [splitBytes(bytes, new Random(hashOf(input)))];
  if (bytes.length <= 128) ways.push(Array.from(bytes, (byte) => Buffer.from([byte])));
  for (const pieces of ways) {
    const split = read(mode, pieces);
    if ((mode & 3) === TIGHT) {
      const common = Math.min(split.messages.length, whole.messages.length);
      must(same(split.messages.slice(0, common), whole.messages.slice(0, common)), "splits change messages");
      continue;
    }
    must(same(split.messages, whole.messages), "the same bytes, split, are other messages");
    must(
      split.error === whole.error,
      `the same bytes, split, fail otherwise: ${split.error}, ${whole.error}`,
    );
  }
  if (whole.error !== undefined) throw new HoldfastError("PROTOCOL_VIOLATION", { detail: whole.error });
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((line, index) => line === other[index]);
}

const message: fc.Arbitrary<RtmpMessage> = fc.record(
  {
    type: fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 9, 15, 17, 18, 20, 22, 99),
    streamId: fc.constantFrom(0, 1, 0xffff_ffff),
    chunkStreamId: fc.constantFrom(2, 3, 6, 63, 64, 319, 320, 65_599),
    timestamp: fc.oneof(fc.nat(9_999), fc.integer({ min: 0xff_fff0, max: 0x100_0010 }), fc.nat(0xffff_ffff)),
    payload: fc
      .oneof(
        fc.uint8Array({ maxLength: 300 }),
        uint(4, 9_000),
        fc.oneof(fc.nat(1_000), fc.nat(20_000)).map((length) => Buffer.alloc(length, length)),
        fc.array(fc.nat(40)).map((sizes) => Buffer.concat(sizes.map((size) => part(size)))),
      )
      .map((bytes) => Buffer.from(bytes)),
  },
  { noNullPrototype: true },
);

/** One message inside an aggregate. */
function part(size: number): Buffer {
  const head = Buffer.from([8 + (size & 1), 0, 0, size, 0, 0, size, 0, 0, 0, 0]);
  return Buffer.concat([head, Buffer.alloc(size), uintBytes(4, 11 + size)]);
}

const options: fc.Arbitrary<ForgeOptions> = fc.record({
  format: fc.constantFrom<(0 | 1 | 2 | 3)[]>(0, 1, 2, 3),
  repeatAbsolute: fc.boolean(),
  omitRepeats: fc.boolean(),
});

/** Messages in all header forms, the chunks of each chunk stream in order, those of several mixed. */
const session = fc
  .tuple(
    fc.array(fc.tuple(message, options), { maxLength: 8 }),
    fc.constantFrom(1, 100, 128, 4_096, 70_000),
    fc.nat(),
  )
  .map(([messages, wanted, order]) => {
    const forger = new ChunkForger();
    // Some hundred chunks are enough, however long the messages are.
    const bytes = messages.reduce((sum, [{ payload }]) => sum + payload.length, 0);
    const size = Math.max(wanted, Math.ceil(bytes / 256));
    forger.chunkSize = size;
    const random = new Random(order);
    const queues = new Map<number, Buffer[]>();
    for (const [one, how] of messages)
      queues.set(one.chunkStreamId, [...(queues.get(one.chunkStreamId) ?? []), ...forger.chunks(one, how)]);
    const out: Buffer[] = [setChunkSize(size)];
    for (let left = [...queues.values()]; left.length > 0; left = left.filter(({ length }) => length > 0))
      out.push(random.pick(left).shift() ?? Buffer.alloc(0));
    return Buffer.concat(out);
  });

const headers = [0, 1, 2, 3].flatMap((format) => [2, 3, 64, 320].map((id) => basicHeader(format, id)));

export const target: FuzzTarget = {
  name: "chunk-reader",
  codes: ["PROTOCOL_VIOLATION"],
  structure: joined(uint(1), fc.oneof(session, several(fc.oneof(session, uint(4)), 3))),
  seeds: [
    ...rtmpSeeds().map((seed) => Buffer.concat([Buffer.from([1]), seed])),
    ...regressions("chunk-reader"),
  ],
  words: [...headers, setChunkSize(1), setChunkSize(70_000), "\xff\xff\xff", uintBytes(4, 0x100_0000)],
  mostBytes: 16_384,
  mostSteps: (bytes) => 50_000 + 600 * bytes,
  // Two or three readings; 16 KB for the beginning of a message, which takes three bytes at least.
  mostMemory: (bytes) => ({ largest: 65_536 + 4 * bytes, total: (1 << 20) + 3 * 8_192 * bytes }),
  run,
};
