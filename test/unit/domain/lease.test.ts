import assert from "node:assert/strict";
import { test } from "node:test";
import { fenceDeadline, fenceMargin, isBefore, LONG_AGO, momentOf } from "../../../src/domain/lease.ts";
import { ManualClock } from "../../support/manual-clock.ts";

test("the margin is a tenth of the time to live, and half a second at least", () => {
  assert.equal(fenceMargin(1_000), 500);
  assert.equal(fenceMargin(5_000), 500);
  assert.equal(fenceMargin(60_000), 6_000);
});

test("a deadline lies a margin before the lease can end, counted from before the renewal was sent", async () => {
  const clock = new ManualClock();
  const sent = momentOf(clock);
  const deadline = fenceDeadline(sent, 5_000);
  assert.equal(deadline.monotonic - sent.monotonic, 4_500);
  await clock.advance(4_499);
  assert.equal(isBefore(momentOf(clock), deadline), true);
  await clock.advance(1);
  assert.equal(isBefore(momentOf(clock), deadline), false);
});

test("a wall clock that jumped ahead, as after a suspend, fences", () => {
  const clock = new ManualClock();
  const deadline = fenceDeadline(momentOf(clock), 5_000);
  clock.jumpWall(4_500);
  assert.equal(isBefore(momentOf(clock), deadline), false);
});

test("a wall clock that jumped back prolongs nothing", async () => {
  const clock = new ManualClock();
  const deadline = fenceDeadline(momentOf(clock), 5_000);
  clock.jumpWall(-60_000);
  await clock.advance(4_500);
  assert.equal(isBefore(momentOf(clock), deadline), false);
});

test("long ago has passed at any time", () => {
  assert.equal(isBefore(momentOf(new ManualClock()), LONG_AGO), false);
});
