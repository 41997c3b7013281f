import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { HoldfastError } from "../../../../src/domain/errors.ts";
import { ChunkReader } from "../../../../src/media/rtmp/chunk-reader.ts";
import { writeMessage } from "../../../../src/media/rtmp/chunk-writer.ts";
import { setChunkSize } from "../../../../src/media/rtmp/control.ts";
import type { RtmpMessage } from "../../../../src/media/rtmp/message.ts";
import { ChunkForger, cut, type ForgeOptions } from "../../../support/forge-chunks.ts";

const LIMITS = { messageBytes: 100_000, chunkStreams: 16, halfReceivedBytes: 1_000_000 };

/** Bytes whose every part of a few hundred is unlike the others. */
const PATTERN = Buffer.from(Array.from({ length: 21_000 }, (_, n) => (n * 31 + (n >> 8)) & 0xff));
const payload = fc
  .tuple(fc.oneof(fc.nat(300), fc.nat(20_000)), fc.nat(999))
  .map(([length, start]) => PATTERN.subarray(start, start + length));
const timestamp = fc.oneof(
  fc.nat(100_000),
  fc.integer({ min: 0xff_fff0, max: 0x100_0010 }),
  fc.nat(0xffff_ffff),
);
const message: fc.Arbitrary<RtmpMessage> = fc.record(
  {
    type: fc.constantFrom(3, 4, 5, 6, 8, 9, 15, 17, 18, 20, 99),
    streamId: fc.constantFrom(0, 1, 0xffff_ffff),
    chunkStreamId: fc.constantFrom(2, 3, 6, 63, 64, 319, 320, 65_599),
    timestamp,
    payload,
  },
  { noNullPrototype: true },
);
const format = fc.constantFrom<(0 | 1 | 2 | 3)[]>(0, 1, 2, 3);
const options: fc.Arbitrary<ForgeOptions> = fc.record({ format, repeatAbsolute: fc.boolean() });
const places = fc.array(fc.nat(), { maxLength: 30 });

function readCut(stream: Buffer, at: readonly number[]): RtmpMessage[] {
  const got: RtmpMessage[] = [];
  const reader = new ChunkReader(LIMITS, (arrived) => void got.push(arrived));
  for (const part of cut(stream, at)) reader.push(part);
  assert.equal(reader.halfReceived, 0);
  return got;
}

describe("any messages", () => {
  test("come back from the writer as they were, however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.integer({ min: 1, max: 70_000 }),
        places,
        (messages, size, at) => {
          const stream = Buffer.concat([
            setChunkSize(size),
            ...messages.map((one) => writeMessage(one, size)),
          ]);
          assert.deepEqual(readCut(stream, at), messages);
        },
      ),
      { numRuns: 150 },
    );
  });

  test("come back from every header form, interleaved chunk by chunk", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(message, options), { maxLength: 12 }),
        fc.integer({ min: 1, max: 5_000 }),
        fc.array(fc.nat(), { minLength: 1, maxLength: 50 }),
        places,
        (wanted, size, picks, at) => {
          const forger = new ChunkForger();
          forger.chunkSize = size;
          // One queue for each chunk stream; in each round some queue sends its next chunk.
          const queues = new Map<number, { chunk: Buffer; last?: RtmpMessage }[]>();
          for (const [one, how] of wanted) {
            const chunks = forger.chunks(one, how).map((chunk) => ({ chunk }));
            const queue = queues.get(one.chunkStreamId) ?? [];
            queues.set(one.chunkStreamId, [...queue, ...chunks.slice(0, -1), { ...(chunks.at(-1) as { chunk: Buffer }), last: one }]); // prettier-ignore
          }
          const stream: Buffer[] = [setChunkSize(size)];
          const order: RtmpMessage[] = [];
          for (let turn = 0; queues.size > 0; turn++) {
            const ids = [...queues.keys()];
            const id = ids[(picks[turn % picks.length] as number) % ids.length] as number;
            const queue = queues.get(id) ?? [];
            const next = queue.shift();
            if (next) stream.push(next.chunk);
            if (next?.last) order.push(next.last);
            if (queue.length === 0) queues.delete(id);
          }
          assert.deepEqual(readCut(Buffer.concat(stream), at), order);
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe("any bytes", () => {
  const limits = { messageBytes: 65_536, chunkStreams: 8, halfReceivedBytes: 100_000 };

  /** Push all; nothing but a HoldfastError may come out, and memory must stay below the limit at every step. */
  function survives(stream: Buffer, at: readonly number[]): void {
    const reader = new ChunkReader(limits, (arrived) => {
      assert.ok(arrived.payload.length <= limits.messageBytes);
      assert.ok(arrived.timestamp >= 0 && arrived.timestamp <= 0xffff_ffff);
    });
    try {
      for (const part of cut(stream, at)) {
        reader.push(part);
        assert.ok(reader.halfReceived >= 0 && reader.halfReceived <= limits.halfReceivedBytes);
      }
    } catch (error) {
      if (!(error instanceof HoldfastError)) throw error;
      assert.ok(["PROTOCOL_VIOLATION", "LIMIT_EXCEEDED"].includes(error.code));
    }
  }

  test("that are random end in messages or a HoldfastError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), places, (bytes, at) =>
        survives(Buffer.from(bytes), at),
      ),
      { numRuns: 2_000 },
    );
  });

  test("that were a good stream before some were changed end in messages or a HoldfastError", () => {
    const broken = fc
      .tuple(
        fc.array(fc.tuple(message, options), { minLength: 1, maxLength: 5 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
        fc.nat(),
      )
      .map(([messages, changes, end]) => {
        const forger = new ChunkForger();
        const stream = Buffer.concat(messages.map(([one, how]) => forger.write(one, how)));
        for (const [at, byte] of changes) stream[at % stream.length] = byte;
        return stream.subarray(0, 1 + (end % stream.length));
      });
    fc.assert(
      fc.property(broken, places, (stream, at) => survives(stream, at)),
      { numRuns: 1_000 },
    );
  });
});
