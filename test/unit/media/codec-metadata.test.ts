import assert from "node:assert/strict";
import { test } from "node:test";
import { promisedTracks } from "../../../src/media/codec-metadata.ts";
import { tracksOf } from "../../../src/media/codec.ts";
import { encodeAmf0 } from "../../../src/media/rtmp/amf0-encode.ts";

const on = (values: Record<string, number | string>) => encodeAmf0("onMetaData", values);
const PROMISES: readonly [name: string, payload: Buffer, promise: object | undefined][] = [
  ["numbers", on({ videocodecid: 7, audiocodecid: 10 }), { audio: true, video: true }],
  ["names", on({ videocodecid: "avc1", audiocodecid: "mp4a" }), { audio: true, video: true }],
  ["a picture size alone", on({ width: 1280, height: 720 }), { audio: false, video: true }],
  ["a sampling rate alone", on({ audiosamplerate: 48_000 }), { audio: true, video: false }],
  [
    "no video, said with 0",
    on({ videocodecid: 0, audiocodecid: 10, width: 0, height: 0 }),
    { audio: true, video: false },
  ],
  ["neither", on({ duration: 0 }), undefined],
  ["no object", encodeAmf0("onMetaData"), undefined],
  ["broken bytes", Buffer.from([2, 0, 10, 0x6f]), undefined],
  ["too much to read", Buffer.concat([on({ width: 1, height: 1 }), Buffer.alloc(70_000)]), undefined],
];
for (const [name, payload, promise] of PROMISES) {
  test(`metadata with ${name} promises ${JSON.stringify(promise)}`, () => {
    assert.deepEqual(promisedTracks(payload), promise);
  });
}

const TRACKS: readonly [codecs: string, audio: boolean, video: boolean][] = [
  ["", false, false],
  ["avc1,mp4a", true, true],
  ["hvc1", false, true],
  ["Opus", true, false],
  [".mp3", true, false],
  ["video", false, true],
  ["audio", true, false],
];
for (const [codecs, audio, video] of TRACKS) {
  test(`"${codecs}" has ${audio ? "" : "no "}audio and ${video ? "" : "no "}video`, () => {
    assert.deepEqual(tracksOf(codecs), { audio, video });
  });
}
