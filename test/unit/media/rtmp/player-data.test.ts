import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeAmf0 } from "../../../../src/media/rtmp/amf0-encode.ts";
import type { AmfValue } from "../../../../src/media/rtmp/amf0.ts";
import { MESSAGE } from "../../../../src/media/rtmp/message.ts";
import { playerData } from "../../../../src/media/rtmp/player-data.ts";

const data = (payload: Buffer, type: number = MESSAGE.data) =>
  playerData({ type, streamId: 1, chunkStreamId: 4, timestamp: 0, payload });
const METADATA: AmfValue[] = ["onMetaData", { width: 1280, encoder: "x" }];

test("players get the metadata without the order to the server", () => {
  assert.deepEqual(data(encodeAmf0("@setDataFrame", ...METADATA)), encodeAmf0(...METADATA));
  assert.deepEqual(data(encodeAmf0(...METADATA)), encodeAmf0(...METADATA));
});

test("the AMF3 wrapper is taken off", () => {
  const wrapped = Buffer.concat([Buffer.from([0]), encodeAmf0("@setDataFrame", ...METADATA)]);
  assert.deepEqual(data(wrapped, MESSAGE.dataAmf3), encodeAmf0(...METADATA));
});

test("other data passes as it is", () => {
  const cue = encodeAmf0("onCuePoint", { name: "ad" });
  assert.deepEqual(data(cue), cue);
});

test("what is not for players is dropped", () => {
  for (const name of ["|RtmpSampleAccess", "@clearDataFrame", "onStatus"])
    assert.equal(data(encodeAmf0(name, true, true)), undefined);
});

test("what does not begin with a name is dropped", () => {
  const bad = [
    Buffer.alloc(0),
    Buffer.from([2]),
    Buffer.from([2, 0xff, 0xff, 0x41]),
    encodeAmf0(7),
    encodeAmf0("@setDataFrame"),
    encodeAmf0("@setDataFrame", { width: 1 }),
  ];
  for (const payload of bad) assert.equal(data(payload), undefined);
});
