import assert from "node:assert/strict";
import { test } from "node:test";
import { HeaderCache } from "../../../src/media/header-cache.ts";
import { messageOf } from "../../../src/media/message.ts";
import { ownBytes, ownPacket } from "../../../src/media/own-bytes.ts";
import { classify } from "../../../src/media/packet.ts";
import { PeerKeyframes } from "../../../src/media/peer-keyframes.ts";
import { videoFrame, videoHeader } from "../../support/sample-media.ts";

/** The same bytes, at the beginning of what a socket read. */
function read(payload: Buffer): Buffer {
  const buffer = Buffer.allocUnsafeSlow(65_536);
  payload.copy(buffer);
  return buffer.subarray(0, payload.length);
}

test("who keeps a payload keeps no more than its size", () => {
  const kept = (received: number, length: number) =>
    ownBytes(Buffer.allocUnsafeSlow(received).subarray(0, length)).buffer.byteLength;
  assert.equal(kept(40_000, 39_999), 39_999);
  assert.equal(kept(40_000, 1), 1);
  const whole = Buffer.allocUnsafeSlow(40_000);
  assert.equal(ownBytes(whole), whole);
  const packet = { type: "video", timestamp: 7, payload: read(videoHeader()) } as const;
  assert.deepEqual(ownPacket(packet), packet);
});

test("headers that are kept do not keep what was read with them", () => {
  const headers = new HeaderCache();
  const packet = { type: "video", timestamp: 0, payload: read(videoHeader()) } as const;
  headers.add(messageOf(packet, 0, true), classify(packet));
  assert.deepEqual(headers.list[0]?.payload, videoHeader());
  assert.equal(headers.list[0]?.payload.buffer.byteLength, videoHeader().length);
});

test("keyframes that wait for others do not keep what was read with them", () => {
  const peers = new PeerKeyframes();
  const payload = videoFrame({ key: true, number: 1 });
  const packet = { type: "video", timestamp: 0, payload: read(payload) } as const;
  peers.hold({ packet, info: classify(packet) });
  const [held] = peers.release();
  assert.deepEqual(held?.packet.payload, payload);
  assert.equal(held?.packet.payload.buffer.byteLength, payload.length);
});
