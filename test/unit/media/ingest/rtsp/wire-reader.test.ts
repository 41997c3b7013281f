import assert from "node:assert/strict";
import { test } from "node:test";
import { WireReader } from "../../../../../src/media/ingest/rtsp/wire-reader.ts";
import { interleaved } from "../../../../support/rtp.ts";

function read(pieces: readonly Buffer[]): string[] {
  const units: string[] = [];
  const reader = new WireReader({
    message: ({ start, headers, body }) =>
      void units.push(`${start}|${[...headers].join(";")}|${body.toString()}`),
    packet: (channel, data) => void units.push(`${channel}|${data.toString("hex")}`),
  });
  for (const piece of pieces) reader.push(piece);
  return units;
}

const SESSION = Buffer.concat([
  Buffer.from("RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 4\r\n\r\n$x\r\n\r\n"),
  interleaved(0, Buffer.from("abc")),
  interleaved(255, Buffer.alloc(0)),
  Buffer.from("OPTIONS * RTSP/1.0\r\ncseq:2\r\nX: a:b\r\nx: c\r\n\r\n"),
  interleaved(1, Buffer.from("RTSP")),
]);
const UNITS = [
  "RTSP/1.0 200 OK|cseq,1;content-length,4|$x\r\n",
  "0|616263",
  "255|",
  "OPTIONS * RTSP/1.0|cseq,2;x,a:b,c|",
  "1|52545350",
];

void test("messages and packets are told apart, wherever the pieces end", () => {
  assert.deepEqual(read([SESSION]), UNITS);
  for (let cut = 1; cut < SESSION.length; cut++)
    assert.deepEqual(read([SESSION.subarray(0, cut), SESSION.subarray(cut)]), UNITS);
  assert.deepEqual(read(Array.from(SESSION, (byte) => Buffer.from([byte]))), UNITS);
});

void test("a packet of 64 kB byte by byte is not copied again and again", () => {
  const packets = Buffer.concat(Array.from({ length: 20 }, () => interleaved(0, Buffer.alloc(65_535, 1))));
  const began = performance.now();
  let count = 0;
  const reader = new WireReader({ message: () => assert.fail(), packet: () => void (count += 1) });
  for (let at = 0; at < packets.length; at++) reader.push(packets.subarray(at, at + 1));
  assert.equal(count, 20);
  // Each byte copied with all before it would be 43 GB.
  assert.ok(performance.now() - began < 10_000);
});

void test("nothing is told after a stop", () => {
  const units: number[] = [];
  const reader = new WireReader({
    message: () => undefined,
    packet: (channel) => {
      units.push(channel);
      reader.stop();
    },
  });
  reader.push(Buffer.concat([interleaved(1, Buffer.from("a")), interleaved(2, Buffer.from("b"))]));
  reader.push(interleaved(3, Buffer.from("c")));
  assert.deepEqual(units, [1]);
});
