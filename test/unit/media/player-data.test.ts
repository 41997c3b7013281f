import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeAmf0 } from "../../../src/media/rtmp/amf0-encode.ts";
import type { AmfValue } from "../../../src/media/rtmp/amf0.ts";
import { playerData } from "../../../src/media/player-data.ts";

const METADATA: AmfValue[] = ["onMetaData", { width: 1280, encoder: "x" }];

test("players get the metadata without the order to the server", () => {
  assert.deepEqual(playerData(encodeAmf0("@setDataFrame", ...METADATA)), encodeAmf0(...METADATA));
  assert.deepEqual(playerData(encodeAmf0(...METADATA)), encodeAmf0(...METADATA));
});

test("other data passes as it is", () => {
  const cue = encodeAmf0("onCuePoint", { name: "ad" });
  assert.deepEqual(playerData(cue), cue);
});

test("what is not for players is dropped", () => {
  for (const name of ["|RtmpSampleAccess", "@clearDataFrame", "onStatus"])
    assert.equal(playerData(encodeAmf0(name, true, true)), undefined);
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
  for (const payload of bad) assert.equal(playerData(payload), undefined);
});
