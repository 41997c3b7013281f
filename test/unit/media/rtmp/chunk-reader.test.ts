import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChunkReader, type ChunkLimits } from "../../../../src/media/rtmp/chunk-reader.ts";
import { writeMessage } from "../../../../src/media/rtmp/chunk-writer.ts";
import { setChunkSize } from "../../../../src/media/rtmp/control.ts";
import { MESSAGE, type RtmpMessage } from "../../../../src/media/rtmp/message.ts";
import { ChunkForger, basicHeader } from "../../../support/forge-chunks.ts";

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

describe("the chunk reader", () => {
  test("reads the four header forms", () => {
    const got = readAll(
      hex("06 000064 000001 09 01000000 aa  46 000010 000002 08 bbbb  86 000005 cccc  c6 dddd"),
    );
    assert.deepEqual(
      got.map(({ type, timestamp, streamId, payload }) => [
        type,
        timestamp,
        streamId,
        payload.toString("hex"),
      ]),
      [
        [9, 100, 1, "aa"],
        [8, 116, 1, "bbbb"],
        [8, 121, 1, "cccc"],
        [8, 126, 1, "dddd"],
      ],
    );
  });

  test("a type 3 header after a type 0 header repeats its timestamp as the delta", () => {
    const got = readAll(hex("06 000064 000001 09 01000000 aa  c6 bb"));
    assert.deepEqual(got.map((message) => message.timestamp), [100, 200]); // prettier-ignore
  });

  test("reads chunk stream ids of one, two and three bytes, in any width", () => {
    for (const [id, width] of [
      [2, 1],
      [63, 1],
      [64, 2],
      [319, 2],
      [64, 3],
      [319, 3],
      [320, 3],
      [65_599, 3],
    ] as const) {
      // prettier-ignore
      const header = basicHeader(0, id, width);
      const [message] = readAll(Buffer.concat([header, hex("000001 000001 09 01000000 aa")]));
      assert.equal(message?.chunkStreamId, id);
    }
  });

  test("chunk streams whose ids share low bytes do not mix", () => {
    const forger = new ChunkForger();
    const a = forger.chunks(video(1, bytes(300, 1), 64 + 256));
    const b = forger.chunks(video(2, bytes(300, 2), 64));
    const c = forger.chunks(video(3, bytes(300, 3), 64 + 1));
    const got = readAll(
      Buffer.concat([0, 1, 2].flatMap((n) => [a, b, c].map((chunks) => chunks[n] as Buffer))),
    );
    assert.deepEqual(got.map((message) => [message.chunkStreamId, message.payload[299]]), [[320, 1], [64, 2], [65, 3]]); // prettier-ignore
  });

  test("timestamps wrap at 2^32, forwards and backwards", () => {
    const forger = new ChunkForger();
    const times = [0xffff_fff0, 0x10, 0xffff_ffff, 0, 5];
    const stream = times.map((time) => forger.write(video(time, bytes(3)), { format: 2 }));
    assert.deepEqual(readAll(Buffer.concat(stream)).map((message) => message.timestamp), times); // prettier-ignore
  });

  for (const [name, options] of [
    ["is repeated", {}],
    ["is left out", { omitRepeats: true }],
    ["is repeated as the absolute time", { repeatAbsolute: true }],
  ] as const)
    test(`an extended timestamp that ${name} on type 3 chunks is understood, however the bytes are cut`, () => {
      const forger = new ChunkForger();
      const messages = [
        video(0x0100_0001, bytes(500)),
        video(0x0300_0002, bytes(400)),
        video(0x0300_0003, bytes(130)),
        // Payloads that begin like the timestamp, but are none.
        video(0x0700_0004, Buffer.concat([bytes(128), hex("07000003 07 00"), bytes(1)])),
        video(0xffff_ffff, bytes(129)),
      ];
      const stream = Buffer.concat(
        messages.map((message) => forger.write(message, { format: 1, ...options })),
      );
      assert.deepEqual(readAll(Buffer.from(stream)), messages);
      for (const step of [1, 2, 3, 5, 7, 127, 130]) {
        const { reader, got } = readerFor();
        for (let at = 0; at < stream.length; at += step)
          reader.push(Buffer.from(stream.subarray(at, at + step)));
        assert.deepEqual(got, messages, `in pieces of ${step}`);
      }
    });

  test("a last chunk too short to hold a timestamp is not waited for, where it can be told", () => {
    const forger = new ChunkForger();
    const message = video(0x0100_0000, bytes(130));
    assert.deepEqual(readAll(forger.write(message, { omitRepeats: true })), [message]);
  });

  test("a type 3 header that begins a message repeats the extended delta", () => {
    const got = readAll(hex("06 ffffff 000001 09 01000000 01000000 aa  c6 01000000 bb  c6 cc"));
    assert.deepEqual(got.map((message) => message.timestamp), [0x0100_0000, 0x0200_0000, 0x0300_0000]); // prettier-ignore
  });

  test("a type 1 header may open a chunk stream, as librtmp's ping answers do", () => {
    assert.deepEqual(readAll(hex("42 000000 000006 04 0007 00000001")), [
      { type: 4, streamId: 0, chunkStreamId: 2, timestamp: 0, payload: hex("000700000001") },
    ]);
  });

  test("messages without a payload are delivered", () => {
    const got = readAll(hex("06 000000 000000 09 01000000 c6 c6"));
    assert.equal(got.length, 3);
    assert.ok(got.every((message) => message.payload.length === 0));
  });

  test("set chunk size holds from the next chunk on", () => {
    const message = video(0, bytes(5_000));
    const forger = new ChunkForger();
    const first = forger.chunks(message)[0] as Buffer;
    const rest = Buffer.concat([basicHeader(3, 6), bytes(5_000 - 128)]);
    assert.deepEqual(readAll(Buffer.concat([first, setChunkSize(60_000), rest])), [message]);
    assert.deepEqual(readAll(Buffer.concat([setChunkSize(0x7fff_ffff), writeMessage(message, 5_000)])), [message]); // prettier-ignore
    assert.deepEqual(readAll(Buffer.concat([setChunkSize(1), writeMessage(message, 1)])), [message]);
  });

  test("abort drops the unfinished message and its memory, and no other", () => {
    const { reader, got } = readerFor();
    const forger = new ChunkForger();
    const kept = forger.chunks(video(1, bytes(200), 7));
    reader.push(Buffer.concat([forger.chunks(video(0, bytes(50_000)))[0] as Buffer, kept[0] as Buffer]));
    assert.ok(reader.halfReceived > 0);
    const before = reader.halfReceived;
    reader.push(hex("02 000000 000004 02 00000000 00000006"));
    assert.ok(reader.halfReceived < before);
    reader.push(hex("02 000000 000004 02 00000000 00000099"));
    reader.push(Buffer.concat([kept[1] as Buffer, forger.write(video(9, bytes(10)))]));
    assert.deepEqual(got.map((message) => [message.timestamp, message.payload.length]), [[1, 200], [9, 10]]); // prettier-ignore
    assert.equal(reader.halfReceived, 0);
  });

  test("an aggregate is split, its times moved to its own", () => {
    const part = (type: number, time: number, payload: string) => {
      const header = Buffer.from([type, 0, 0, payload.length / 2, time >> 16, time >> 8, time, time >>> 24, 9, 9, 9]); // prettier-ignore
      return Buffer.concat([header, hex(payload), hex("00000000")]);
    };
    const payload = Buffer.concat([part(8, 500, "aa"), part(9, 0x0100_0000, "bbbb"), part(18, 490, "")]);
    const aggregate = { type: MESSAGE.aggregate, streamId: 1, chunkStreamId: 4, timestamp: 100, payload };
    const got = readAll(writeMessage(aggregate, 128));
    assert.deepEqual(
      got.map((message) => [
        message.type,
        message.timestamp,
        message.streamId,
        message.payload.toString("hex"),
      ]),
      [
        [8, 100, 1, "aa"],
        [9, 0x0100_0000 - 400, 1, "bbbb"],
        [18, 90, 1, ""],
      ],
    );
    const withoutEnd = { ...aggregate, payload: payload.subarray(0, -4) };
    assert.equal(readAll(writeMessage(withoutEnd, 128)).length, 3);
  });

  test("stop inside onMessage ends the reading at once", () => {
    let count = 0;
    const reader = new ChunkReader(LIMITS, () => {
      count++;
      reader.stop();
    });
    const message = writeMessage(video(0, bytes(10)), 128);
    reader.push(Buffer.concat([message, message]));
    reader.push(message);
    assert.equal(count, 1);
  });

  test("an error of onMessage comes out of push and stops the reader", () => {
    let count = 0;
    const reader = new ChunkReader(LIMITS, () => {
      count++;
      throw new Error("no");
    });
    const message = writeMessage(video(0, bytes(10)), 128);
    assert.throws(() => reader.push(message), /no/);
    reader.push(message);
    assert.equal(count, 1);
  });

  test("counts all bytes for acknowledgements", () => {
    const { reader } = readerFor();
    const message = writeMessage(video(0, bytes(1_000)), 128);
    reader.push(message);
    reader.push(message.subarray(0, 5));
    assert.equal(reader.bytesRead, message.length + 5);
  });
});
