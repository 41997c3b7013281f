import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyQueue } from "../../../src/fleet/key-queue.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { orAborted, patience, sleep } from "../../../src/fleet/patience.ts";

test("tasks of one key run one after another, those of others meanwhile", async () => {
  const queue = new KeyQueue<string>();
  const order: string[] = [];
  let release = () => {};
  const gate = new Promise<void>((resolve) => (release = resolve));
  const first = queue.run("a", async () => {
    await gate;
    order.push("a1");
  });
  const second = queue.run("a", async () => void order.push("a2"));
  await queue.run("b", async () => void order.push("b1"));
  release();
  await Promise.all([first, second]);
  assert.deepEqual(order, ["b1", "a1", "a2"]);
});

test("a task that fails does not hold the next one up", async () => {
  const queue = new KeyQueue<string>();
  const failed = queue.run("a", async () => {
    throw new Error("broken");
  });
  const next = queue.run("a", async () => "done");
  await assert.rejects(failed, /broken/);
  assert.equal(await next, "done");
});

test("the queue remembers no key without tasks, and idle waits for those that are there", async () => {
  const queue = new KeyQueue<string>();
  await queue.idle("a");
  let done = false;
  void queue.run("a", async () => void (done = true));
  await queue.idle("a");
  assert.equal(done, true);
  assert.equal(queue.size, 0);
});

test("patience ends with whatever comes first, and leaves nothing behind", async () => {
  const clock = new ManualClock();
  const left = new AbortController();
  const late = patience(clock, 100, () => new Error("too late"), left.signal);
  await clock.advance(100);
  assert.match(String(late.signal.reason), /too late/);
  const leaving = patience(clock, 100, () => new Error("too late"), left.signal);
  left.abort(new Error("left"));
  assert.match(String(leaving.signal.reason), /left/);
  const gone = patience(clock, 100, () => new Error("too late"), left.signal);
  assert.equal(gone.signal.aborted, true);
  const done = patience(clock, 100, () => new Error("too late"));
  done.done();
  await clock.advance(1_000);
  assert.equal(done.signal.aborted, false);
});

test("a sleep ends early when it is woken", async () => {
  const clock = new ManualClock();
  const waker = new AbortController();
  let awake = 0;
  void sleep(clock, 1_000, waker.signal).then(() => awake++);
  void sleep(clock, 1_000).then(() => awake++);
  await clock.advance(10);
  assert.equal(awake, 0);
  waker.abort();
  await clock.advance(0);
  assert.equal(awake, 1);
  await clock.advance(1_000);
  assert.equal(awake, 2);
  await sleep(clock, 1_000, waker.signal);
});

test("a wait with a signal rejects with its reason, else it is the promise itself", async () => {
  const signal = new AbortController();
  assert.equal(await orAborted(Promise.resolve(1), signal.signal), 1);
  await assert.rejects(orAborted(Promise.reject(new Error("own")), signal.signal), /own/);
  const waiting = orAborted(new Promise(() => {}), signal.signal);
  signal.abort(new Error("given up"));
  await assert.rejects(waiting, /given up/);
  await assert.rejects(orAborted(Promise.resolve(1), signal.signal), /given up/);
});
