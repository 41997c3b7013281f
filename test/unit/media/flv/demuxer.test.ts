import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FlvDemuxer } from "../../../../src/media/flv/demuxer.ts";
import { beginTag, endTag, flvFileHeader, tagBytes, type FlvTag } from "../../../../src/media/flv/tag.ts";
import { flvHeader, flvTag, readFlv } from "../../../support/flv-file.ts";
import { sampleFlv, sampleStream } from "../../../support/sample-stream.ts";

function demux(data: Buffer, sizes: readonly number[] = [], most = 0xff_ffff) {
  const tags: FlvTag[] = [];
  const demuxer = new FlvDemuxer(most, (tag) => tags.push(tag));
  let at = 0;
  for (let piece = 0; at < data.length; piece++) {
    const end = sizes.length === 0 ? data.length : at + (sizes[piece % sizes.length] ?? 1);
    demuxer.push(Buffer.from(data.subarray(at, end)));
    at = end;
  }
  return { tags, complete: demuxer.complete };
}
const bytes = (...values: number[]): Buffer => Buffer.from(values);

test("what is written is what an independent reader reads", () => {
  const payload = Buffer.from("payload");
  const out = Buffer.alloc(tagBytes(payload.length));
  const body = beginTag(out, 0, 9, 0xfedc_ba98, payload.length);
  assert.equal(endTag(out, body + payload.copy(out, body), payload.length), out.length);
  const [read] = readFlv(Buffer.concat([flvFileHeader({ audio: false, video: true }), out]));
  assert.deepEqual(read, { type: 9, timestamp: 0xfedc_ba98, body: payload });
  assert.deepEqual(flvFileHeader({ audio: true, video: true }), flvHeader());
  assert.equal(flvFileHeader({ audio: true, video: false })[4], 4);
  assert.throws(() => beginTag(out, 0, 9, 0, 0x100_0000), RangeError);
});

test("a stream is read the same however it is cut into pieces", () => {
  const packets = sampleStream({ duration: 400, bytes: 300 });
  const file = sampleFlv(packets);
  const types = { audio: 8, video: 9, data: 18 } as const;
  const expected = packets.map(({ type, ...packet }) => ({ type: types[type], ...packet }));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 2_000 }), { maxLength: 8 }), (sizes) => {
      const { tags, complete } = demux(file, sizes);
      assert.deepEqual(tags, expected);
      assert.equal(complete, true);
    }),
    { numRuns: 60 },
  );
});

test("a stream may end after a tag, with or without the last PreviousTagSize, and nowhere else", () => {
  const file = sampleFlv(sampleStream({ duration: 40 }));
  for (let length = 0; length < file.length; length++) {
    const { complete, tags } = demux(file.subarray(0, length));
    const whole = length < 13 ? 0 : 13 + tags.reduce((sum, { payload }) => sum + tagBytes(payload.length), 0);
    const between = length === whole || length === whole - 4 || (length === 9 && tags.length === 0);
    assert.equal(complete, between, `${length} bytes, ${tags.length} tags`);
  }
});

test("other tags, empty tags and a longer header are skipped", () => {
  const header = Buffer.from([...flvHeader().subarray(0, 8), 12, 1, 2, 3, 0, 0, 0, 0]);
  const strange = flvTag({ type: 8, timestamp: 1, body: Buffer.alloc(100_000) });
  strange[0] = 15;
  const empty = flvTag({ type: 9, timestamp: 2, body: Buffer.alloc(0) });
  const good = flvTag({ type: 9, timestamp: 3, body: bytes(1) });
  for (const sizes of [[], [1], [7, 4_000]])
    assert.deepEqual(demux(Buffer.concat([header, strange, empty, good]), sizes).tags, [
      { type: 9, timestamp: 3, payload: bytes(1) },
    ]);
});

const REFUSED: readonly [name: string, data: Buffer, code: string][] = [
  ["another signature", Buffer.from("GIF89a.........."), "PROTOCOL_VIOLATION"],
  ["a header that ends before it begins", bytes(0x46, 0x4c, 0x56, 1, 5, 0, 0, 0, 8), "PROTOCOL_VIOLATION"],
  ["a header without end", bytes(0x46, 0x4c, 0x56, 1, 5, 0x7f, 0, 0, 9), "PROTOCOL_VIOLATION"],
  [
    "an encrypted tag",
    Buffer.concat([flvHeader(), bytes(0x29, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0)]),
    "PROTOCOL_VIOLATION",
  ],
  [
    "a tag over the limit",
    Buffer.concat([flvHeader(), bytes(9, 0, 4, 1, 0, 0, 0, 0, 0, 0, 0)]),
    "LIMIT_EXCEEDED",
  ],
];

for (const [name, data, code] of REFUSED) {
  test(`${name} is refused`, () => {
    for (const sizes of [[], [1]]) assert.throws(() => demux(data, sizes, 1_024), { code });
  });
}

test("a tag takes memory as it arrives, not as it is announced", () => {
  const announced = Buffer.concat([flvHeader(), bytes(9, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0)]);
  const demuxers = Array.from({ length: 200 }, () => new FlvDemuxer(0xff_ffff, () => undefined));
  const before = process.memoryUsage().arrayBuffers;
  for (const demuxer of demuxers) {
    demuxer.push(Buffer.from(announced));
    for (let piece = 0; piece < 10; piece++) demuxer.push(bytes(piece));
  }
  const taken = process.memoryUsage().arrayBuffers - before;
  assert.ok(taken < 200 * 100_000, `${taken} bytes for 200 x 16 MB announced`);
  assert.equal(
    demuxers.every(({ complete }) => !complete),
    true,
  );
});

test("no bytes make the demuxer do anything but read or refuse", () => {
  const start = fc.constantFrom(Buffer.alloc(0), flvHeader(), sampleFlv(sampleStream({ duration: 80 })));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), fc.nat(60), (head, noise, size) => {
      try {
        demux(Buffer.concat([head, noise]), [size + 1], 100_000);
      } catch (error) {
        assert.ok(
          ["PROTOCOL_VIOLATION", "LIMIT_EXCEEDED"].includes((error as { code: string }).code),
          String(error),
        );
      }
    }),
    { numRuns: 2_000 },
  );
});
