import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderCache } from "../../../src/media/header-cache.ts";
import { classify } from "../../../src/media/packet.ts";
import { audioHeader, multitrackVideo, videoHeader } from "../../support/sample-media.ts";
import { metadata } from "../../support/sample-stream.ts";

const NUMBERS = { audio: 8, video: 9, data: 18 } as const;

function adding(cache: HeaderCache) {
  return (type: keyof typeof NUMBERS, payload: Buffer) => {
    const message = { type: NUMBERS[type], time: 0, payload, header: true };
    cache.add(message, classify({ type, timestamp: 0, payload }));
  };
}
const payloads = (cache: HeaderCache) => cache.list.map(({ payload }) => payload.toString("hex"));
const hex = (...some: Buffer[]) => some.map((payload) => payload.toString("hex"));

test("headers come metadata first, then video, then audio, in whatever order they were sent", () => {
  const cache = new HeaderCache();
  const add = adding(cache);
  const meta = metadata("avc1", "mp4a").payload;
  add("audio", audioHeader());
  add("video", videoHeader());
  add("data", meta);
  assert.deepEqual(payloads(cache), hex(meta, videoHeader(), audioHeader()));
});

test("a newer header takes the place of the older one; the same again changes nothing", () => {
  const cache = new HeaderCache();
  const add = adding(cache);
  add("video", videoHeader("avc1"));
  const before = cache.list;
  add("video", videoHeader("avc1"));
  assert.equal(cache.list, before);
  add("video", videoHeader("hvc1"));
  assert.notEqual(cache.list, before);
  assert.deepEqual(payloads(cache), hex(videoHeader("hvc1")));
});

test("a header of many tracks replaces those of each, not the other way round", () => {
  const cache = new HeaderCache();
  const add = adding(cache);
  const one = multitrackVideo([{ id: 1, codec: "av01" }], "header");
  const both = multitrackVideo(
    [
      { id: 1, codec: "avc1" },
      { id: 2, codec: "avc1" },
    ],
    "header",
  );
  add("video", one);
  add("video", both);
  assert.deepEqual(payloads(cache), hex(both));
  add("video", one);
  assert.deepEqual(payloads(cache), hex(both, one), "the newer one comes later and counts");
});

test("however many and large headers a source sends, what is kept is bounded", () => {
  const cache = new HeaderCache();
  const add = adding(cache);
  for (let id = 0; id < 256; id++) add("video", multitrackVideo([{ id, codec: "avc1" }], "header"));
  assert.equal(cache.list.length, 64);
  const large = Buffer.concat([videoHeader(), Buffer.alloc(3 * 1_048_576)]);
  add("video", large);
  add("audio", Buffer.concat([audioHeader(), Buffer.alloc(3 * 1_048_576)]));
  const bytes = cache.list.reduce((sum, { payload }) => sum + payload.length, 0);
  assert.ok(bytes <= 4 * 1_048_576, `${bytes} bytes`);
});
