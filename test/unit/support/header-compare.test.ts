import assert from "node:assert/strict";
import { test } from "node:test";
import type { FlvTag } from "../../support/flv-file.ts";
import { headerProblems } from "../../support/header-compare.ts";

const video = (text: string, packetType: number): FlvTag => ({
  type: 9,
  timestamp: 0,
  body: Buffer.concat([Buffer.from([0x17, packetType, 0, 0, 0]), Buffer.from(text)]),
});
const audio = (text: string, packetType: number): FlvTag => ({
  type: 8,
  timestamp: 0,
  body: Buffer.concat([Buffer.from([0xaf, packetType]), Buffer.from(text)]),
});

const publication = (name: string): FlvTag[] => [
  video(`${name} avcC`, 0),
  audio(`${name} config`, 0),
  video(`${name} picture`, 1),
  audio(`${name} sound`, 1),
];
const first = publication("a");
const second = publication("b");
const at = (tags: readonly FlvTag[], place: number) => tags[place] as FlvTag;

test("headers before their frames are fine, also when a second publication follows", () => {
  assert.deepEqual(headerProblems([first, second], [...first, ...second]), []);
});

test("a header may come as late as just before its first frame", () => {
  const played = [at(first, 0), at(first, 2), at(first, 1), at(first, 3)];
  assert.deepEqual(headerProblems([first], played), []);
});

test("a picture without its header is found", () => {
  assert.deepEqual(headerProblems([first], first.slice(1)), ["video of publication 0 came without a header"]);
});

test("the second publication without its own headers is found", () => {
  assert.deepEqual(headerProblems([first, second], [...first, ...second.slice(2)]), [
    "video of publication 1 came after a header of something else",
    "audio of publication 1 came after a header of something else",
  ]);
});
