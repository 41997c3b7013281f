import assert from "node:assert/strict";
import { test } from "node:test";
import type { HoldfastError } from "../../../src/domain/errors.ts";
import { SessionWatch } from "../../../src/media/session-watch.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function watched() {
  const clock = new ManualClock();
  const peer = { bytesIn: 0, taken: 0, backlog: 0, pings: 0, ping: () => void (peer.pings += 1) };
  const late: HoldfastError[] = [];
  const limits = { publisherTimeout: 15_000, playerTimeout: 60_000 };
  const watch = new SessionWatch(clock, limits, peer, (error) => late.push(error));
  return { clock, peer, late, watch };
}

test("what is due and does not come is said once, by its name", async () => {
  const { clock, late, watch } = watched();
  watch.expect("handshake", 5_000);
  await clock.advance(4_999);
  assert.equal(late.length, 0);
  await clock.advance(1);
  await clock.advance(60_000);
  assert.deepEqual(
    late.map(({ code, message }) => [code, message]),
    [["TIMED_OUT", "no handshake came in time"]],
  );
});

test("a deadline since the beginning is not moved by what came before", async () => {
  const { clock, late, watch } = watched();
  watch.expect("handshake", 5_000);
  await clock.advance(4_000);
  watch.expectSinceBegin("connect command", 10_000);
  await clock.advance(5_999);
  assert.equal(late.length, 0);
  await clock.advance(1);
  assert.match(late[0]?.message ?? "", /connect command/);
});

test("nothing is said of what came in time", async () => {
  const { clock, late, watch } = watched();
  watch.expect("publish or play", 5_000);
  watch.settle();
  await clock.advance(100_000);
  assert.equal(late.length, 0);
});

test("a peer that answers nothing and takes nothing is late after its time, pinged until then", async () => {
  const { clock, peer, late, watch } = watched();
  watch.expectLife();
  await clock.advance(59_999);
  assert.equal(late.length, 0);
  assert.equal(peer.pings, 3);
  await clock.advance(1);
  assert.match(late[0]?.message ?? "", /answers no ping/);
  await clock.advance(100_000);
  assert.equal(peer.pings, 3);
});

test("a peer that answers, or takes what it is sent, lives", async () => {
  const { clock, peer, late, watch } = watched();
  watch.expectLife();
  for (let minute = 0; minute < 10; minute++) {
    if (minute % 2 === 0) peer.bytesIn += 18;
    else peer.taken += 1_000;
    await clock.advance(59_000);
  }
  assert.equal(late.length, 0);
});

test("a peer behind a backlog is not pinged", async () => {
  const { clock, peer, watch } = watched();
  peer.backlog = 1;
  watch.expectLife();
  await clock.advance(50_000);
  assert.equal(peer.pings, 0);
});

test("a publisher must send media; answering pings is not enough", async () => {
  const { clock, peer, late, watch } = watched();
  let messages = 0;
  watch.expectMedia(() => messages);
  for (let second = 0; second < 60; second++) {
    messages += second % 10 === 0 ? 1 : 0;
    await clock.advance(1_000);
  }
  assert.equal(late.length, 0);
  for (let second = 0; second < 20 && late.length === 0; second++) {
    peer.bytesIn += 18;
    await clock.advance(1_000);
  }
  assert.match(late[0]?.message ?? "", /no media/);
});

test("a publisher in the middle of a long message is not silent", async () => {
  const { clock, peer, late, watch } = watched();
  watch.expectMedia(() => 0);
  for (let second = 0; second < 120; second++) {
    peer.bytesIn += 1_000;
    await clock.advance(1_000);
  }
  assert.equal(late.length, 0);
});

test("after stop nothing is said", async () => {
  const { clock, late, watch } = watched();
  watch.expect("handshake", 1_000);
  watch.expectLife();
  watch.stop();
  await clock.advance(200_000);
  assert.equal(late.length, 0);
});
