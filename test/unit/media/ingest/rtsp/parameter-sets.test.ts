import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readAvcSps } from "../../../../../src/media/ingest/rtsp/avc-sps.ts";
import { Avc } from "../../../../../src/media/ingest/rtsp/avc.ts";
import { Hevc } from "../../../../../src/media/ingest/rtsp/hevc.ts";
import { readHevcSps } from "../../../../../src/media/ingest/rtsp/hevc-sps.ts";
import { classify } from "../../../../../src/media/packet.ts";
import { avcSps, AVC_PPS } from "../../../../support/rtp.ts";

// x264, 320x240, two B-frames, the middle one a reference. x265, 320x240.
const X264_SPS = Buffer.from("674d4015eca0a0fd80b5060606a5000003000100000300328f162d96", "hex");
const X265_SETS = [
  "40010c01ffff040800000300980800000300003f959809",
  "420101040800000300980800000300003f90014101e2294b2b3492657ff80008000b5060606040000003004000000642",
  "4401c172b46240",
].map((hex) => Buffer.from(hex, "hex"));

void test("size and reordering are read from what x264 and x265 write", () => {
  const avc = readAvcSps(X264_SPS);
  assert.deepEqual([avc?.width, avc?.height, avc?.reorder], [320, 240, 2]);
  const hevc = readHevcSps(X265_SETS[1] as Buffer);
  assert.deepEqual([hevc?.width, hevc?.height, hevc?.reorder], [320, 240, 2]);
});

void test("without VUI the reordering is known only where it cannot be", () => {
  assert.equal(readAvcSps(avcSps({ profile: 66, references: 4 }))?.reorder, 0);
  assert.equal(readAvcSps(avcSps({ profile: 77, references: 0 }))?.reorder, 0);
  assert.equal(readAvcSps(avcSps({ profile: 77, references: 3 }))?.reorder, undefined);
});

void test("sets that count to billions are refused at once", () => {
  // pic_order_cnt_type 1 with 2^31 offsets
  const bits = `11010011${"0".repeat(31)}1${"0".repeat(31)}`;
  const bytes = bits.match(/.{1,8}/g)?.map((byte) => Number.parseInt(byte.padEnd(8, "0"), 2)) ?? [];
  const began = performance.now();
  assert.equal(readAvcSps(Buffer.from([0x67, 66, 0, 30, ...bytes])), undefined);
  assert.ok(performance.now() - began < 1_000);
});

void test("whatever the bytes, reading ends, and a header is one that the channel understands", () => {
  const nal = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes));
  fc.assert(
    fc.property(nal, (bytes) => {
      readAvcSps(bytes);
      readHevcSps(bytes);
      const avc = new Avc();
      for (const set of [Buffer.concat([X264_SPS.subarray(0, 8), bytes]), X264_SPS, AVC_PPS]) avc.learn(set);
      assert.ok(avc.sequenceHeader);
      const hevc = new Hevc();
      for (const set of [Buffer.concat([Buffer.from([0x42, 1]), bytes]), ...X265_SETS]) hevc.learn(set);
      assert.ok(hevc.sequenceHeader);
      for (const payload of [avc.sequenceHeader, hevc.sequenceHeader])
        assert.equal(classify({ type: "video", timestamp: 0, payload }).role, "header");
    }),
  );
});
