import assert from "node:assert/strict";
import { test } from "node:test";
import { complaints } from "../../support/complaints.ts";

const PARSER = "[NULL @ 0x55] illegal reordering_of_pic_nums_idc 7";
const REPEATED = "    Last message repeated 1 times";
const MUXER = "[null @ 0x55] Application provided invalid, non monotonically increasing dts to muxer";
const DECODER = "[h264 @ 0x55] error while decoding MB 3 4";

test("what the parser and the null muxer say is left out", () => {
  const mpv = "[ffmpeg] NULL: illegal memory management control operation 12";
  assert.equal(complaints([PARSER, REPEATED, MUXER, mpv, ""].join("\n")), "");
});

test("what the decoder says stays, repeated or not", () => {
  assert.equal(complaints([PARSER, DECODER, REPEATED].join("\n")), [DECODER, REPEATED].join("\n"));
  assert.equal(complaints("[ffmpeg/video] h264: no frame!"), "[ffmpeg/video] h264: no frame!");
});
