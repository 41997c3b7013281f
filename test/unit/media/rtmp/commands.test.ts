import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { encodeAmf0 } from "../../../../src/media/rtmp/amf0-encode.ts";
import {
  amf0Part,
  connectionCommand,
  decodeCommand,
  isCommand,
  isData,
  streamCommand,
} from "../../../../src/media/rtmp/commands.ts";
import { MESSAGE, type RtmpMessage } from "../../../../src/media/rtmp/message.ts";

const LIMITS = { depth: 16, elements: 100 };
const message = (type: number, payload: Buffer): RtmpMessage => ({
  type,
  streamId: 0,
  chunkStreamId: 3,
  timestamp: 0,
  payload,
});

describe("commands", () => {
  const payload = encodeAmf0("publish", 5, null, "cam", "live");
  const command = { name: "publish", transaction: 5, args: [null, "cam", "live"] };

  test("are read from AMF0", () => {
    assert.deepEqual(decodeCommand(message(MESSAGE.command, payload), LIMITS), command);
  });

  test("are read from the AMF3 wrapper, with its format byte and without", () => {
    const wrapped = Buffer.concat([Buffer.from([0]), payload]);
    assert.deepEqual(decodeCommand(message(MESSAGE.commandAmf3, wrapped), LIMITS), command);
    assert.deepEqual(decodeCommand(message(MESSAGE.commandAmf3, payload), LIMITS), command);
  });

  test("without a transaction count as 0", () => {
    for (const values of [["FCUnpublish"], ["FCUnpublish", null]]) {
      const read = decodeCommand(message(MESSAGE.command, encodeAmf0(...values)), LIMITS);
      assert.equal(read.name, "FCUnpublish");
      assert.equal(read.transaction, 0);
    }
  });

  test("without a name are refused", () => {
    for (const bytes of [
      Buffer.alloc(0),
      encodeAmf0(1),
      encodeAmf0(null),
      encodeAmf0("", 1),
      encodeAmf0({ a: 1 }),
    ])
      for (const type of [MESSAGE.command, MESSAGE.commandAmf3])
        assert.throws(() => decodeCommand(message(type, bytes), LIMITS), { code: "PROTOCOL_VIOLATION" });
  });

  test("called like parts of Object are only names", () => {
    for (const name of ["constructor", "__proto__", "toString"])
      assert.equal(decodeCommand(message(MESSAGE.command, encodeAmf0(name, 1)), LIMITS).name, name);
  });

  test("are written for the connection and for a stream", () => {
    const connect = connectionCommand("connect", 1, { app: "live" });
    assert.deepEqual([connect.type, connect.streamId, connect.chunkStreamId], [20, 0, 3]);
    assert.equal(decodeCommand(connect, LIMITS).name, "connect");
    const play = streamCommand(1, "play", 4, null, "cam");
    assert.deepEqual([play.type, play.streamId, play.chunkStreamId], [20, 1, 5]);
    assert.deepEqual(decodeCommand(play, LIMITS).args, [null, "cam"]);
  });
});

describe("data messages", () => {
  test("have the same AMF0 bytes in the AMF3 wrapper", () => {
    const payload = encodeAmf0("onMetaData", { width: 640 });
    const wrapped = message(MESSAGE.dataAmf3, Buffer.concat([Buffer.from([0]), payload]));
    assert.deepEqual(amf0Part(message(MESSAGE.data, payload)), payload);
    assert.deepEqual(amf0Part(wrapped), payload);
  });

  test("are told from commands by their type", () => {
    const types = Array.from({ length: 256 }, (_, type) => message(type, Buffer.alloc(0)));
    assert.deepEqual(types.filter(isCommand).map(({ type }) => type), [17, 20]); // prettier-ignore
    assert.deepEqual(types.filter(isData).map(({ type }) => type), [15, 18]); // prettier-ignore
  });
});
