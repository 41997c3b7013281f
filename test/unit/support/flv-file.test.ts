import assert from "node:assert/strict";
import { test } from "node:test";
import { flvHeader, FlvReader, flvTag, readFlv } from "../../support/flv-file.ts";
import type { FlvTag } from "../../support/flv-file.ts";

const tags: FlvTag[] = [
  { type: 18, timestamp: 0, body: Buffer.from("meta") },
  { type: 9, timestamp: 0x01020304, body: Buffer.alloc(70_000, 7) },
  { type: 8, timestamp: 0xfffffff0, body: Buffer.alloc(0) },
];
const file = Buffer.concat([flvHeader(), ...tags.map(flvTag)]);

test("tags are read as they were written, timestamps of 32 bit too", () => {
  assert.deepEqual(readFlv(file), tags);
});

test("bytes may arrive one by one", () => {
  const reader = new FlvReader();
  const small = Buffer.concat([flvHeader(), ...tags.filter(({ type }) => type !== 9).map(flvTag)]);
  for (const byte of small) reader.push(Buffer.from([byte]));
  assert.equal(reader.tags.length, 2);
  assert.equal(reader.unread, 0);
});

test("a file that ends inside a tag is refused", () => {
  assert.throws(() => readFlv(file.subarray(0, -1)), /middle of a tag/);
});

for (const [what, at, expected] of [
  ["a wrong signature", 0, /not an FLV file/],
  ["a wrong tag type", 13, /tag type/],
  ["a stream id", 13 + 10, /stream id/],
  ["a wrong PreviousTagSize", 13 + 11 + 4 + 3, /PreviousTagSize/],
] as const) {
  test(`${what} is refused`, () => {
    const broken = Buffer.from(file);
    broken[at] = 0x77;
    assert.throws(() => readFlv(broken), expected);
  });
}
