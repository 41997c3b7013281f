import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChunkReader } from "../../../../src/media/rtmp/chunk-reader.ts";
import {
  acknowledgement,
  pingRequest,
  pingResponse,
  readControlNumber,
  readUserControl,
  setBufferLength,
  setPeerBandwidth,
  streamBegin,
  streamEof,
  windowAckSize,
} from "../../../../src/media/rtmp/control.ts";
import type { RtmpMessage } from "../../../../src/media/rtmp/message.ts";

function read(bytes: Buffer): RtmpMessage {
  let got: RtmpMessage | undefined;
  const limits = { messageBytes: 100, chunkStreams: 1, halfReceivedBytes: 100 };
  new ChunkReader(limits, (message) => (got = message)).push(bytes);
  assert.ok(got, "a whole message");
  assert.equal(got.chunkStreamId, 2);
  assert.equal(got.streamId, 0);
  return got;
}

const userControl = (payload: string): RtmpMessage => ({
  type: 4,
  streamId: 0,
  chunkStreamId: 2,
  timestamp: 0,
  payload: Buffer.from(payload, "hex"),
});

describe("control messages", () => {
  test("carry their numbers, whole", () => {
    for (const [bytes, type] of [
      [acknowledgement(0xffff_fffe), 3],
      [windowAckSize(0xffff_fffe), 5],
      [setPeerBandwidth(0xffff_fffe), 6],
    ] as const) {
      const message = read(bytes);
      assert.equal(message.type, type);
      assert.equal(readControlNumber(message), 0xffff_fffe);
    }
    assert.equal(read(setPeerBandwidth(1)).payload[4], 2);
  });

  test("an acknowledgement wraps at 2^32", () => {
    assert.equal(readControlNumber(read(acknowledgement(2 ** 32 + 5))), 5);
  });

  test("user control messages say what was written", () => {
    assert.deepEqual(readUserControl(read(streamBegin(1))), { event: "streamBegin", streamId: 1 });
    assert.deepEqual(readUserControl(read(streamEof(1))), { event: "streamEof", streamId: 1 });
    assert.deepEqual(readUserControl(userControl("000400000002")), {
      event: "streamIsRecorded",
      streamId: 2,
    });
    assert.deepEqual(readUserControl(read(pingRequest(7))), { event: "pingRequest", time: 7 });
    assert.deepEqual(readUserControl(read(pingResponse(7))), { event: "pingResponse", time: 7 });
    assert.deepEqual(readUserControl(read(setBufferLength(1, 3_000))), {
      event: "setBufferLength",
      streamId: 1,
      ms: 3_000,
    });
  });

  test("events nobody knows are told apart, whatever follows them", () => {
    assert.deepEqual(readUserControl(userControl("001a01")), { event: "other", type: 0x1a });
    assert.deepEqual(readUserControl(userControl("0020")), { event: "other", type: 0x20 });
  });

  test("those too short for their event are refused", () => {
    for (const payload of [
      "",
      "00",
      "0000",
      "000000",
      "0006 000000",
      "0003 00000001",
      "0003 00000001 000000",
    ])
      assert.throws(() => readUserControl(userControl(payload.replaceAll(" ", ""))), {
        code: "PROTOCOL_VIOLATION",
      });
    assert.throws(() => readControlNumber(userControl("000001")), { code: "PROTOCOL_VIOLATION" });
  });
});
