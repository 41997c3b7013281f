import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS, HoldfastError, type ErrorCode } from "../../../../src/domain/errors.ts";
import {
  callFailed,
  connectAccepted,
  playRefused,
  publishRefused,
  result,
} from "../../../../src/media/rtmp/answers.ts";
import type { AmfObject } from "../../../../src/media/rtmp/amf0.ts";
import { decodeCommand } from "../../../../src/media/rtmp/commands.ts";
import type { RtmpMessage } from "../../../../src/media/rtmp/message.ts";

const decode = (message: RtmpMessage) => decodeCommand(message, { depth: 8, elements: 256 });
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const info = (message: RtmpMessage) => decode(message).args[1] as AmfObject;
const CODES = Object.keys(ERRORS) as ErrorCode[];

test("every refusal of a play is an onStatus error that librtmp gives up on, with a description", () => {
  for (const code of CODES) {
    const message = playRefused(7, new HoldfastError(code));
    const { name, transaction, args } = decode(message);
    assert.deepEqual([name, transaction, args[0], message.streamId], ["onStatus", 0, null, 7]);
    const { level, code: sent, description } = info(message);
    assert.equal(level, "error");
    assert.match(String(sent), /^NetStream\.Play\.(?:StreamNotFound|Failed)$/);
    assert.equal(description, ERRORS[code].text);
  }
});

test("a play of nothing, of a bad name or at the wrong origin is StreamNotFound", () => {
  for (const code of ["STREAM_NOT_FOUND", "STREAM_NAME_INVALID", "NOT_OWNER", "STREAM_ENDED"] as const)
    assert.equal(info(playRefused(1, new HoldfastError(code)))["code"], "NetStream.Play.StreamNotFound");
});

test("every refusal of a publish is an onStatus error that encoders know, with a description", () => {
  for (const code of CODES) {
    const { level, code: sent, description } = info(publishRefused(1, new HoldfastError(code)));
    assert.equal(level, "error");
    assert.match(String(sent), /^NetStream\.Publish\.(?:BadName|Denied)$/);
    assert.equal(description, ERRORS[code].text);
  }
});

test("a refusal shows the detail when there is one", () => {
  const error = new HoldfastError("STREAM_NAME_TAKEN", { detail: "o2 has it" });
  assert.equal(info(publishRefused(1, error))["description"], "o2 has it");
  assert.equal(info(publishRefused(1, error))["code"], "NetStream.Publish.BadName");
});

test("a refusal names nothing of the inside of the fleet, and is never without a description", () => {
  const inside = "the stream could not be fetched from origin o1 (10.0.0.5:1935): refused";
  for (const refused of [playRefused, publishRefused]) {
    for (const code of ["RELAY_FAILED", "REGISTRY_UNAVAILABLE", "INTERNAL"] as const)
      assert.equal(
        info(refused(1, new HoldfastError(code, { detail: inside })))["description"],
        ERRORS[code].text,
      );
    const silent = new HoldfastError("STREAM_NOT_FOUND", { detail: "" });
    assert.equal(info(refused(1, silent))["description"], ERRORS.STREAM_NOT_FOUND.text);
  }
});

test("the bytes of a StreamNotFound are those that were tried with real clients", () => {
  const { payload } = playRefused(1, new HoldfastError("STREAM_NOT_FOUND", { detail: "none" }));
  const expected = Buffer.concat([
    Buffer.from("0200086f6e537461747573", "hex"),
    Buffer.from("000000000000000000", "hex"),
    Buffer.from("05", "hex"),
    Buffer.from("03", "hex"),
    Buffer.from("00056c6576656c0200056572726f72", "hex"),
    Buffer.from("0004636f646502001d", "hex"),
    Buffer.from("NetStream.Play.StreamNotFound"),
    Buffer.from("000b6465736372697074696f6e0200046e6f6e65", "hex"),
    Buffer.from("000764657461696c73020010", "hex"),
    Buffer.from("STREAM_NOT_FOUND"),
    Buffer.from("000009", "hex"),
  ]);
  assert.equal(payload.toString("hex"), expected.toString("hex"));
});

test("connect is answered in AMF0, without enhanced properties for a client that has none", () => {
  const { name, transaction, args } = decode(connectAccepted(1, { app: "live", objectEncoding: 3 }));
  assert.deepEqual([name, transaction], ["_result", 1]);
  assert.deepEqual(plain(args[0]), { fmsVer: "FMS/3,5,3,888", capabilities: 127, mode: 1 });
  assert.deepEqual(plain(args[1]), {
    level: "status",
    code: "NetConnection.Connect.Success",
    description: "Connection succeeded.",
    objectEncoding: 0,
  });
});

test("an Enhanced RTMP client hears that everything it offers is forwarded", () => {
  const offer = {
    fourCcList: ["hvc1", 7, "av01"],
    videoFourCcInfoMap: { hvc1: 3, __proto__x: 1 },
    audioFourCcInfoMap: "nonsense",
    capsEx: 0x0f,
  };
  for (const part of decode(connectAccepted(1, offer)).args) {
    const answer = plain(part) as Record<string, unknown>;
    assert.deepEqual(answer["fourCcList"], ["hvc1", "av01"]);
    assert.deepEqual(answer["videoFourCcInfoMap"], { hvc1: 4, __proto__x: 4, "*": 4 });
    assert.equal("audioFourCcInfoMap" in answer, false);
    // Multitrack, ModEx and nanosecond offsets pass through; a drain asks to reconnect.
    assert.equal(answer["capsEx"], 0x0f);
  }
});

test("calls are answered by their transaction, and a failure has a description", () => {
  assert.deepEqual(decode(result(4, 1)), { name: "_result", transaction: 4, args: [null, 1] });
  const failed = decode(callFailed(5, "no such call"));
  assert.deepEqual([failed.name, failed.transaction], ["_error", 5]);
  assert.deepEqual(plain(failed.args[1]), {
    level: "error",
    code: "NetConnection.Call.Failed",
    description: "no such call",
  });
});
