import assert from "node:assert/strict";
import { test } from "node:test";
import { CodecList } from "../../../src/media/codec-list.ts";
import { classify } from "../../../src/media/packet.ts";
import { audioFrame, audioHeader, videoFrame, videoHeader } from "../../support/sample-media.ts";

function listing() {
  const list = new CodecList();
  const learn = (type: "audio" | "video", payload: Buffer) =>
    list.learn(type, classify({ type, timestamp: 0, payload }));
  return { list, learn };
}

test("codecs are listed in the order video, audio, each once", () => {
  const { list, learn } = listing();
  learn("audio", audioHeader());
  learn("video", videoHeader("hvc1"));
  learn("video", videoFrame({ codec: "hvc1", key: true }));
  assert.equal(list.text, "hvc1,mp4a");
});

test("a track goes on in another codec with a header, a keyframe or a sound", () => {
  const { list, learn } = listing();
  assert.equal(learn("video", videoHeader("avc1")), false);
  assert.equal(learn("video", videoHeader("av01")), true);
  assert.equal(learn("video", videoFrame({ codec: "vp08", key: true })), true);
  assert.equal(learn("audio", audioHeader("mp4a")), false);
  assert.equal(learn("audio", audioFrame({ codec: ".mp3" })), true);
  assert.equal(list.text, "vp08,.mp3");
});

test("a picture between keyframes, and an end, that name another codec change nothing", () => {
  const { list, learn } = listing();
  learn("video", videoHeader("avc1"));
  assert.equal(learn("video", videoFrame({ codec: "av01" })), false);
  // SequenceEnd of AV1.
  assert.equal(learn("video", Buffer.from("9261763031", "hex")), false);
  assert.equal(list.text, "avc1");
});
