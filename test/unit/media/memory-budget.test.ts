import assert from "node:assert/strict";
import { test } from "node:test";
import { FlvDemuxer } from "../../../src/media/flv/demuxer.ts";
import { MemoryBudget } from "../../../src/media/memory-budget.ts";
import { receiveBudgets } from "../../../src/media/receive-budgets.ts";
import { ChunkReader } from "../../../src/media/rtmp/chunk-reader.ts";
import { writeMessage } from "../../../src/media/rtmp/chunk-writer.ts";
import { MESSAGE } from "../../../src/media/rtmp/message.ts";
import { flvHeader, flvTag } from "../../support/flv-file.ts";

const KB = 1_024;
const LIMITS = { messageBytes: 0xff_ffff, chunkStreams: 32, halfReceivedBytes: 64 << 20 };
const video = (bytes: number, chunkStreamId = 6) => ({
  type: MESSAGE.video,
  streamId: 1,
  chunkStreamId,
  timestamp: 0,
  payload: Buffer.alloc(bytes, 7),
});
/** A message without its last byte. */
const unfinished = (bytes: number, id = 6) => writeMessage(video(bytes, id), 128).subarray(0, -1);

function readerOn(budget: MemoryBudget, onMessage: () => void = () => undefined) {
  return new ChunkReader({ ...LIMITS, budget }, onMessage);
}

test("a budget gives no more than it has, and takes nothing when it refuses", () => {
  const budget = new MemoryBudget(100);
  budget.take(60);
  assert.throws(() => budget.take(41), { name: "HoldfastError", code: "LIMIT_EXCEEDED" });
  assert.equal(budget.taken, 60);
  budget.take(40);
  budget.give(100);
  assert.equal(budget.taken, 0);
});

test("a part takes from the whole, and neither is charged when either refuses", () => {
  const { all, strangers } = receiveBudgets({ halfReceivedTotal: 100, halfReceivedBeforePublish: 40 });
  strangers.take(40);
  assert.throws(() => strangers.take(1), { code: "LIMIT_EXCEEDED" });
  all.take(60);
  assert.throws(() => all.take(1), { code: "LIMIT_EXCEEDED" });
  assert.deepEqual([all.taken, strangers.taken], [100, 40]);
  strangers.give(30);
  all.take(30);
  assert.throws(() => strangers.take(1), { code: "LIMIT_EXCEEDED" });
  assert.deepEqual([all.taken, strangers.taken], [100, 10]);
});

test("readers share a budget: the one that asks for more stops, the others go on", () => {
  const budget = new MemoryBudget(256 * KB);
  let got = 0;
  const [first, second, third] = [1, 2, 3].map(() => readerOn(budget, () => (got += 1)));
  first?.push(unfinished(100 * KB));
  second?.push(unfinished(100 * KB));
  const before = budget.taken;
  assert.throws(() => third?.push(unfinished(100 * KB)), { code: "LIMIT_EXCEEDED", message: /together/ });
  assert.equal(budget.taken, before);
  first?.push(Buffer.from([7]));
  assert.equal(got, 1);
  assert.ok(budget.taken < before);
  second?.stop();
  assert.equal(budget.taken, 0);
});

test("a message whose bytes are there at once takes nothing from the budget", () => {
  const budget = new MemoryBudget(1);
  let got = 0;
  readerOn(budget, () => (got += 1)).push(writeMessage(video(100), 128));
  assert.equal(got, 1);
  assert.equal(budget.taken, 0);
});

test("an abort gives back what its message had taken, and so does an error", () => {
  const budget = new MemoryBudget(1 << 20);
  const reader = readerOn(budget);
  reader.push(unfinished(1_000));
  const broken = readerOn(budget);
  broken.push(unfinished(256).subarray(0, 12 + 128));
  const taken = budget.taken;
  broken.push(Buffer.from("02000000000004020000000000000006", "hex"));
  assert.ok(budget.taken < taken);
  assert.throws(() => broken.push(Buffer.from("c9", "hex")), { code: "PROTOCOL_VIOLATION" });
  reader.stop();
  reader.stop();
  assert.equal(budget.taken, 0);
});

test("a publisher that is accepted takes its unfinished messages along into the larger part", () => {
  const { all, strangers } = receiveBudgets({
    halfReceivedTotal: 1 << 20,
    halfReceivedBeforePublish: 32 * KB,
  });
  const reader = readerOn(strangers);
  reader.push(unfinished(20 * KB));
  assert.equal(strangers.taken, reader.halfReceived);
  reader.limits = { ...LIMITS, budget: all };
  assert.deepEqual([strangers.taken, all.taken], [0, reader.halfReceived]);
  reader.push(Buffer.from([7]));
  reader.push(unfinished(200 * KB));
  reader.stop();
  assert.deepEqual([strangers.taken, all.taken], [0, 0]);
});

test("FLV tags that do not arrive whole take from the same budget, and give back", () => {
  const budget = new MemoryBudget(299 * KB);
  let tags = 0;
  const demuxers = [1, 2].map(() => new FlvDemuxer(0xff_ffff, () => (tags += 1), budget));
  const [first, second] = demuxers as [FlvDemuxer, FlvDemuxer];
  const tag = flvTag({ type: 9, timestamp: 0, body: Buffer.alloc(150 * KB) });
  first.push(flvHeader());
  second.push(flvHeader());
  first.push(tag.subarray(0, 100 * KB));
  assert.throws(() => second.push(tag.subarray(0, 100 * KB)), { code: "LIMIT_EXCEEDED" });
  second.stop();
  first.push(tag.subarray(100 * KB));
  assert.equal(tags, 1);
  assert.equal(budget.taken, 0);
  first.push(tag.subarray(0, 50 * KB));
  assert.ok(budget.taken > 0);
  first.stop();
  first.stop();
  assert.equal(budget.taken, 0);
});
