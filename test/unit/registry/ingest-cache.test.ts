import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { IngestCache } from "../../../src/registry/ingest-cache.ts";

const CAM = parseStreamKey("live/cam");
const text = (owner: string, stream: string = CAM) =>
  JSON.stringify(["stream", stream, "url", "rtmp://source/app/cam", "enabled", "1", "owner", owner]);

test("the same text is the same record, another one is another", () => {
  const cache = new IngestCache();
  const [first] = cache.decode([CAM], [text("o1")]);
  assert.equal(first?.owner, "o1");
  assert.equal(cache.decode([CAM], [text("o1")])[0], first);
  assert.equal(cache.decode([CAM], [text("o2")])[0]?.owner, "o2");
  assert.equal(cache.decode([CAM], [text("o1")])[0]?.owner, "o1");
});

test("what is gone, or is no ingest, is not remembered", () => {
  const cache = new IngestCache();
  cache.decode([CAM], [text("o1")]);
  assert.deepEqual(cache.decode([CAM], [""]), [undefined]);
  assert.deepEqual(cache.decode([CAM], []), [undefined]);
  assert.deepEqual(cache.decode([CAM], ["{}"]), [undefined]);
  assert.deepEqual(cache.decode([CAM], ['["enabled","1"]']), [undefined]);
  assert.equal(cache.decode([CAM], [text("o1")])[0]?.owner, "o1");
});

test("streams of one question are told apart, however many there were before", () => {
  const cache = new IngestCache();
  for (let round = 0; round < 3; round++) {
    const streams = Array.from({ length: 1_500 }, (_, i) => parseStreamKey(`live/${round}-${i}`));
    const records = cache.decode(
      streams,
      streams.map((stream, i) => text(`o${i}`, stream)),
    );
    assert.deepEqual([records[7]?.stream, records[7]?.owner], [`live/${round}-7`, "o7"]);
  }
});
