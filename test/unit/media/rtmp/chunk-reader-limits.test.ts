import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChunkReader, type ChunkLimits } from "../../../../src/media/rtmp/chunk-reader.ts";
import { writeMessage } from "../../../../src/media/rtmp/chunk-writer.ts";
import { setChunkSize } from "../../../../src/media/rtmp/control.ts";
import { MESSAGE, type RtmpMessage } from "../../../../src/media/rtmp/message.ts";
import { basicHeader } from "../../../support/forge-chunks.ts";

const LIMITS: ChunkLimits = { messageBytes: 1_000_000, chunkStreams: 32, halfReceivedBytes: 4_000_000 };
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const bytes = (length: number, value = 7) => Buffer.alloc(length, value);

function readerFor(limits = LIMITS) {
  const got: RtmpMessage[] = [];
  const reader = new ChunkReader(limits, (message) => void got.push(message));
  return { reader, got };
}

function readAll(data: Buffer, limits = LIMITS): RtmpMessage[] {
  const { reader, got } = readerFor(limits);
  reader.push(data);
  return got;
}

const video = (timestamp: number, payload: Buffer, chunkStreamId = 6): RtmpMessage => ({
  type: MESSAGE.video,
  streamId: 1,
  chunkStreamId,
  timestamp,
  payload,
});

describe("the chunk reader's limits", () => {
  const violations: readonly [name: string, bytes: string, code: string, detail: RegExp][] = [
    ["a type 3 header first", "c6", "PROTOCOL_VIOLATION", /without a header/],
    ["a type 2 header first", "86 000000", "PROTOCOL_VIOLATION", /without a header/],
    ["a message inside a message", "06 000000 0000ff 09 01000000" + "00".repeat(128) + "06 000000 000001 09 01000000", "PROTOCOL_VIOLATION", /inside another/], // prettier-ignore
    ["a shorter length mid-message", "06 000000 0000ff 09 01000000" + "00".repeat(128) + "46 000000 000001 09", "PROTOCOL_VIOLATION", /inside another/], // prettier-ignore
    ["a new delta mid-message", "06 000000 0000ff 09 01000000" + "00".repeat(128) + "86 000001", "PROTOCOL_VIOLATION", /inside another/], // prettier-ignore
    ["chunk size 0", "02 000000 000004 01 00000000 00000000", "PROTOCOL_VIOLATION", /chunk size/],
    ["a chunk size with the high bit", "02 000000 000004 01 00000000 80000001", "PROTOCOL_VIOLATION", /chunk size/], // prettier-ignore
    ["an empty set chunk size", "02 000000 000000 01 00000000", "PROTOCOL_VIOLATION", /too short/],
    ["a short abort", "02 000000 000003 02 00000000 000000", "PROTOCOL_VIOLATION", /too short/],
    ["a message that is too long", "06 000000 0f4241 09 01000000", "LIMIT_EXCEEDED", /too long/],
    ["an aggregate cut in a header", "06 000000 000004 16 01000000 08000000", "PROTOCOL_VIOLATION", /cut short/], // prettier-ignore
    ["an aggregate cut in a payload", "06 000000 00000b 16 01000000 08 000001 000000 00 000000", "PROTOCOL_VIOLATION", /cut short/], // prettier-ignore
    ["an aggregate inside an aggregate", "06 000000 00000b 16 01000000 16 000000 000000 00 000000", "PROTOCOL_VIOLATION", /other than audio/], // prettier-ignore
    ["a chunk size inside an aggregate", "06 000000 00000f 16 01000000 01 000004 000000 00 000000 00000000", "PROTOCOL_VIOLATION", /other than audio/], // prettier-ignore
  ];
  for (const [name, data, code, detail] of violations)
    test(`refuses ${name}, and stops`, () => {
      const { reader, got } = readerFor();
      assert.throws(() => reader.push(hex(data)), { name: "HoldfastError", code, message: detail });
      reader.push(writeMessage(video(0, bytes(10)), 128));
      assert.equal(got.length, 0);
      assert.equal(reader.halfReceived, 0);
    });

  test("an aggregate of very many parts is refused early, and costs no more than its bound", () => {
    const part = hex("08 000000 000000 00 000000 0000000b");
    const parts = 0xff_ffff / part.length;
    const payload = Buffer.concat(Array.from({ length: parts }, () => part));
    const aggregate = { type: MESSAGE.aggregate, streamId: 1, chunkStreamId: 4, timestamp: 0, payload };
    const limits = { ...LIMITS, messageBytes: 0xff_ffff, halfReceivedBytes: 64_000_000 };
    const { reader, got } = readerFor(limits);
    reader.push(setChunkSize(0xff_ffff));
    assert.throws(() => reader.push(writeMessage(aggregate, 0xff_ffff)), {
      code: "LIMIT_EXCEEDED",
      message: /too many parts/,
    });
    assert.ok(got.length <= 4_096, `${got.length} parts of ${parts} were taken`);
  });

  test("chunk streams are limited, also when each stays silent", () => {
    const limits = { ...LIMITS, chunkStreams: 8 };
    const streams = (count: number) =>
      Buffer.concat(Array.from({ length: count }, (_, n) => writeMessage(video(0, bytes(1), 3 + n), 128)));
    assert.equal(readAll(streams(8), limits).length, 8);
    assert.throws(() => readAll(streams(9), limits), { code: "LIMIT_EXCEEDED" });
  });

  test("limits may be replaced while messages arrive", () => {
    const { reader, got } = readerFor({ ...LIMITS, messageBytes: 100 });
    reader.push(writeMessage(video(0, bytes(100)), 128));
    reader.limits = { ...LIMITS, messageBytes: 200 };
    reader.push(writeMessage(video(0, bytes(200)), 128));
    reader.limits = { ...LIMITS, messageBytes: 100 };
    assert.throws(() => reader.push(writeMessage(video(0, bytes(200)), 128)), { code: "LIMIT_EXCEEDED" });
    assert.equal(got.length, 2);
  });
});

describe("the chunk reader's memory", () => {
  /** The first chunk of a message that is announced to be long. */
  const beginning = (length: number, id: number) => {
    const header = Buffer.from([id, 0, 0, 0, length >> 16, length >> 8, length, 9, 1, 0, 0, 0]);
    return Buffer.concat([header, bytes(128)]);
  };

  test("a message announced with 16 MB takes little until it arrives", () => {
    const { reader } = readerFor({ messageBytes: 0xff_ffff, chunkStreams: 32, halfReceivedBytes: 64 << 20 });
    for (let id = 3; id < 34; id++) reader.push(beginning(0xff_ffff, id));
    assert.ok(reader.halfReceived <= 31 * 16_384, String(reader.halfReceived));
  });

  test("half-received bytes are limited over all chunk streams before memory is taken", () => {
    const limits = { messageBytes: 0xff_ffff, chunkStreams: 32, halfReceivedBytes: 1 << 20 };
    const { reader } = readerFor(limits);
    const before = process.memoryUsage().arrayBuffers;
    const chunk = bytes(128);
    assert.throws(
      () => {
        for (let id = 3; id < 20; id++) reader.push(beginning(0xff_ffff, id));
        for (let n = 0; n < 100_000; n++)
          for (let id = 3; id < 20; id++) reader.push(Buffer.concat([basicHeader(3, id), chunk]));
      },
      { code: "LIMIT_EXCEEDED", message: /unfinished/ },
    );
    assert.equal(reader.halfReceived, 0);
    // Twice the limit for what the collector has not looked at yet.
    assert.ok(process.memoryUsage().arrayBuffers - before < 4 << 20);
  });

  test("a message that arrives in many chunks is whole, and its memory is given back", () => {
    const { reader, got } = readerFor({
      messageBytes: 0xff_ffff,
      chunkStreams: 4,
      halfReceivedBytes: 0xff_ffff,
    });
    const message = video(77, Buffer.from(Array.from({ length: 300_001 }, (_, n) => n & 0xff)));
    for (let round = 0; round < 3; round++) {
      const stream = writeMessage(message, 128);
      for (let at = 0; at < stream.length; at += 1_000) reader.push(stream.subarray(at, at + 1_000));
      assert.deepEqual(got.pop(), message);
      assert.equal(reader.halfReceived, 0);
    }
  });

  test("a payload that lies whole in what was pushed is not copied", () => {
    const buffer = Buffer.allocUnsafeSlow(40_000);
    writeMessage(video(0, bytes(1_000)), 100_000).copy(buffer);
    const { reader, got } = readerFor();
    reader.push(setChunkSize(100_000));
    reader.push(buffer.subarray(0, 1_012));
    assert.equal(got[0]?.payload.buffer, buffer.buffer);
  });
});
