import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MediaPacket } from "../../../src/domain/ports/channel.ts";
import { classify } from "../../../src/media/packet.ts";
import {
  AUDIO_BYTES,
  audioFrame,
  audioHeader,
  multitrackVideo,
  VIDEO_BYTES,
  videoFrame,
  videoHeader,
  withNanoseconds,
  type SampleAudio,
  type SampleForm,
  type SampleVideo,
} from "../../support/sample-media.ts";
import { modEx } from "../../support/sample-multitrack.ts";
import { metadata } from "../../support/sample-stream.ts";

const VIDEO_CODECS = Object.keys(VIDEO_BYTES) as SampleVideo[];
const AUDIO_CODECS = Object.keys(AUDIO_BYTES) as SampleAudio[];

function video(payload: Buffer) {
  return classify({ type: "video", timestamp: 0, payload });
}
function audio(payload: Buffer) {
  return classify({ type: "audio", timestamp: 0, payload });
}
const bytes = (...values: number[]): Buffer => Buffer.from(values);
const text = (value: string): Buffer => Buffer.from(value, "latin1");

for (const codec of VIDEO_CODECS) {
  const forms: SampleForm[] = codec === "avc1" || codec === "hvc1" ? ["classic", "enhanced"] : ["enhanced"];
  for (const form of forms) {
    test(`${codec} in its ${form} form is told apart: header, keyframe, other frame`, () => {
      const tracks = [{ id: 0, codec }];
      const none = { keyframe: false, tracks, compositionTime: 0 };
      assert.deepEqual(video(videoHeader(codec, form)), { ...none, role: "header", slot: "sequence" });
      const key = video(videoFrame({ codec, form, key: true }));
      assert.deepEqual(key, { ...none, role: "frame", keyframe: true });
      assert.deepEqual(video(videoFrame({ codec, form })), { ...none, role: "frame" });
      if (codec === "avc1" || codec === "hvc1")
        assert.equal(video(videoFrame({ codec, form, cts: -40 })).compositionTime, -40);
    });
  }
}

for (const codec of AUDIO_CODECS) {
  test(`${codec} audio is told apart: header and frame`, () => {
    const tracks = [{ id: 0, codec }];
    const none = { keyframe: false, tracks, compositionTime: 0 };
    assert.deepEqual(audio(audioHeader(codec)), { ...none, role: "header", slot: "sequence" });
    assert.deepEqual(audio(audioFrame({ codec })), { ...none, role: "frame" });
    assert.deepEqual(audio(audioFrame({ codec, form: "enhanced" })), { ...none, role: "frame" });
  });
}

const ROLES: readonly [
  name: string,
  type: MediaPacket["type"],
  payload: Buffer,
  role: string,
  extra?: object,
][] = [
  ["MP3 has no header", "audio", audioFrame({ codec: ".mp3", form: "classic" }), "frame"],
  ["Speex", "audio", bytes(0xb6, 1, 2), "frame"],
  ["an unknown sound format", "audio", bytes(0xc0, 1, 2), "frame", { tracks: [{ id: 0, codec: "audio" }] }],
  ["onMetaData", "data", metadata("avc1", "mp4a").payload, "metadata"],
  ["onMetaData that is no more than its name", "data", text("\u0002\u0000\u000aonMetaData"), "metadata"],
  ["a cue point", "data", text("\u0002\u0000\u000aonCuePoint"), "other"],
  ["AVC end of sequence", "video", bytes(0x17, 2, 0, 0, 0), "end"],
  ["enhanced end of sequence", "video", Buffer.concat([bytes(0x92), text("av01")]), "end"],
  ["enhanced end of audio", "audio", Buffer.concat([bytes(0x92), text("Opus")]), "end"],
  [
    "HDR colours",
    "video",
    Buffer.concat([bytes(0x94), text("hvc1"), bytes(2)]),
    "header",
    { slot: "config" },
  ],
  [
    "HDR colours with the frame type of a command",
    "video",
    Buffer.concat([bytes(0xd4), text("hvc1")]),
    "header",
  ],
  [
    "channel layout",
    "audio",
    Buffer.concat([bytes(0x94), text("Opus"), bytes(1, 2)]),
    "header",
    { slot: "config" },
  ],
  ["AV1 in MPEG-2 TS form", "video", Buffer.concat([bytes(0x95), text("av01"), bytes(1)]), "header"],
  ["a generated keyframe", "video", bytes(0x47, 1, 0, 0, 0, 1), "frame", { keyframe: true }],
  ["a disposable frame", "video", bytes(0x32, 1), "frame", { keyframe: false }],
  ["Sorenson H.263 keyframe", "video", bytes(0x12, 1), "frame", { keyframe: true }],
  ["a command", "video", bytes(0x57, 0), "other"],
  ["an enhanced command", "video", bytes(0xd1, 0), "other"],
  [
    "an unknown FourCC",
    "video",
    Buffer.concat([bytes(0x91), bytes(10, 0, 27, 91), bytes(1)]),
    "frame",
    { tracks: [{ id: 0, codec: "video" }] },
  ],
  ["nothing", "video", bytes(), "other"],
  ["an AVC keyframe of one byte", "video", bytes(0x17), "other"],
  ["an AVC keyframe without data", "video", bytes(0x17, 1, 0, 0, 0), "other"],
  ["an AVC header without data", "video", bytes(0x17, 0, 0, 0, 0), "other"],
  ["an AAC header without data", "audio", bytes(0xaf, 0), "other"],
  ["an AAC packet type that does not exist", "audio", bytes(0xaf, 7, 1), "other"],
  ["a FourCC cut short", "video", Buffer.concat([bytes(0x91), text("hvc")]), "other"],
  ["an enhanced frame without data", "video", Buffer.concat([bytes(0x93), text("av01")]), "other"],
  ["a composition time cut short", "video", Buffer.concat([bytes(0x91), text("hvc1"), bytes(0, 0)]), "other"],
  ["a ModEx without data", "video", bytes(0x97), "other"],
  ["a ModEx longer than the message", "video", bytes(0x97, 200, 1, 1), "other"],
  [
    "multitrack in multitrack",
    "video",
    Buffer.concat([bytes(0x96, 0x06), text("avc1"), bytes(0, 1)]),
    "other",
  ],
  [
    "a track longer than the message",
    "video",
    Buffer.concat([bytes(0x96, 0x13), text("avc1"), bytes(0, 255, 0, 0, 1)]),
    "other",
  ],
  ["multitrack without a track", "video", bytes(0x96, 0x20), "other"],
  ["an unknown multitrack layout", "video", bytes(0x96, 0x30, 0, 0, 0, 0, 0, 0), "other"],
];

for (const [name, type, payload, role, extra] of ROLES) {
  test(`${name} counts as ${role}`, () => {
    const info = classify({ type, timestamp: 0, payload });
    assert.equal(info.role, role);
    assert.deepEqual({ ...info, ...extra }, info);
    if (role === "other") assert.equal(info.keyframe, false);
  });
}

test("of a multitrack message every track is named", () => {
  const one = video(multitrackVideo([{ id: 3, codec: "hvc1" }], "key"));
  assert.deepEqual(one.tracks, [{ id: 3, codec: "hvc1" }]);
  assert.equal(one.keyframe, true);
  const many = video(
    multitrackVideo(
      [
        { id: 0, codec: "avc1" },
        { id: 1, codec: "avc1" },
      ],
      "header",
    ),
  );
  assert.deepEqual(many.tracks, [
    { id: 0, codec: "avc1" },
    { id: 1, codec: "avc1" },
  ]);
  assert.equal(many.role, "header");
  const mixed = video(
    multitrackVideo(
      [
        { id: 0, codec: "avc1" },
        { id: 9, codec: "av01" },
      ],
      "inter",
    ),
  );
  assert.deepEqual(mixed.tracks, [
    { id: 0, codec: "avc1" },
    { id: 9, codec: "av01" },
  ]);
  assert.equal(mixed.role, "frame");
});

test("a message behind ModEx is what it is without, and too many ModEx are not followed", () => {
  const frame = videoFrame({ codec: "hvc1", key: true, cts: 80 });
  assert.deepEqual(video(withNanoseconds(frame, 123_456)), video(frame));
  assert.deepEqual(video(modEx(frame, 3, Buffer.alloc(300))), video(frame));
  assert.deepEqual(audio(withNanoseconds(audioHeader("Opus"), 5)), audio(audioHeader("Opus")));
  let nested = frame;
  for (let depth = 0; depth < 16; depth++) nested = withNanoseconds(nested, depth);
  assert.equal(video(nested).role, "frame");
  assert.equal(video(withNanoseconds(nested, 1)).role, "other");
});

test("no payload makes the classifier throw or touch the payload", () => {
  const heads = fc.constantFrom(
    ...VIDEO_CODECS.map((codec) => videoFrame({ codec })),
    ...AUDIO_CODECS.map((codec) => audioFrame({ codec })),
    multitrackVideo(
      [
        { id: 0, codec: "avc1" },
        { id: 1, codec: "av01" },
      ],
      "header",
    ),
    withNanoseconds(videoFrame({ codec: "av01" }), 7),
    metadata("avc1", "mp4a").payload,
  );
  const cut = fc
    .tuple(heads, fc.nat(60), fc.array(fc.tuple(fc.nat(20), fc.nat(255)), { maxLength: 4 }))
    .map(([head, length, changes]) => {
      const payload = Buffer.from(head.subarray(0, length));
      for (const [at, value] of changes) if (at < payload.length) payload[at] = value;
      return payload;
    });
  const anything = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
  fc.assert(
    fc.property(
      fc.constantFrom("audio", "video", "data" as const),
      fc.oneof(anything, cut),
      (type, payload) => {
        const before = Buffer.from(payload);
        const info = classify({ type, timestamp: 0, payload });
        assert.ok(payload.equals(before));
        assert.ok(info.tracks.length <= 256);
        if (info.keyframe) assert.equal(info.role, "frame");
        assert.equal(info.slot !== undefined, info.role === "header");
      },
    ),
    { numRuns: 5_000 },
  );
});
