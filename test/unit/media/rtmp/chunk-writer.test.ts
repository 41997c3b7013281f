import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { writeMessage } from "../../../../src/media/rtmp/chunk-writer.ts";

const message = {
  type: 9,
  streamId: 1,
  chunkStreamId: 6,
  timestamp: 0x0102_03,
  payload: Buffer.from("abcdef"),
};
const written = (change: Partial<typeof message>, chunkSize = 128) =>
  writeMessage({ ...message, ...change }, chunkSize).toString("hex");

describe("the chunk writer", () => {
  test("writes one header of type 0, and the stream id the other way round", () => {
    assert.equal(written({}), "06 010203 000006 09 01000000 616263646566".replaceAll(" ", ""));
    assert.match(written({ streamId: 0x0102_0304 }), /^0601020300000609040302016162/);
  });

  test("cuts the payload into chunks, with nothing after a full one", () => {
    assert.equal(written({}, 4), "06 010203 000006 09 01000000 61626364 c6 6566".replaceAll(" ", ""));
    assert.equal(written({}, 3), "06 010203 000006 09 01000000 616263 c6 646566".replaceAll(" ", ""));
    assert.equal(written({}, 6), written({}));
  });

  test("repeats an extended timestamp on every chunk", () => {
    assert.equal(
      written({ timestamp: 0xff_ffff }, 4),
      "06 ffffff 000006 09 01000000 00ffffff 61626364 c6 00ffffff 6566".replaceAll(" ", ""),
    );
    assert.match(written({ timestamp: 0xff_fffe }), /^06fffffe00000609/);
    assert.match(written({ timestamp: 0xffff_ffff }), /^06ffffff0000060901000000ffffffff/);
  });

  test("writes ids of one, two and three bytes", () => {
    assert.match(written({ chunkStreamId: 63 }), /^3f010203/);
    assert.match(written({ chunkStreamId: 64 }, 4), /^0000010203.*c0006566$/);
    assert.match(written({ chunkStreamId: 319 }), /^00ff010203/);
    assert.match(written({ chunkStreamId: 320 }, 4), /^010001010203.*c100016566$/);
    assert.match(written({ chunkStreamId: 65_599 }), /^01ffff010203/);
  });

  test("writes a message without a payload as a header alone", () => {
    assert.equal(written({ payload: Buffer.alloc(0) }), "06 010203 000000 09 01000000".replaceAll(" ", ""));
  });

  test("refuses what the wire cannot express", () => {
    assert.throws(() => written({ chunkStreamId: 1 }), RangeError);
    assert.throws(() => written({ chunkStreamId: 65_600 }), RangeError);
    assert.throws(() => written({ payload: Buffer.alloc(0x100_0000) }), RangeError);
    assert.throws(() => written({}, 0), RangeError);
  });
});
