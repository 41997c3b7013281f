import assert from "node:assert/strict";
import { test } from "node:test";
import { momentOf } from "../../../../src/domain/lease.ts";
import { LeaseGuard } from "../../../../src/fleet/ingest/lease-guard.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

function guarded() {
  const clock = new ManualClock();
  const ref = { name: "o1", instance: "i1", epoch: 7 };
  const session: { live: boolean; ref: typeof ref | undefined } = { live: true, ref };
  const guard = new LeaseGuard({ clock, session, epoch: 7, ttlMs: 5_000, sent: momentOf(clock) });
  return { clock, session, guard, ref };
}

test("it is believed until the margin before the lease's end, counted from before it was asked for", () => {
  const { clock, guard } = guarded();
  clock.pause(4_499);
  assert.deepEqual([guard.believed, guard.validFor], [true, 1]);
  clock.pause(1);
  assert.deepEqual([guard.believed, guard.validFor], [false, 0]);
});

test("a renewal counts from before it was sent", () => {
  const { clock, guard } = guarded();
  clock.pause(2_000);
  const sent = momentOf(clock);
  clock.pause(1_000);
  guard.renewed(sent);
  assert.equal(guard.validFor, 3_500);
});

test("what is over stays over, whatever the clocks, the session and the registry say later", () => {
  const clocks = guarded();
  clocks.clock.jumpWall(5_000);
  assert.equal(clocks.guard.believed, false);
  clocks.clock.jumpWall(-5_000);
  assert.equal(clocks.guard.believed, false);
  clocks.guard.renewed(momentOf(clocks.clock));
  assert.equal(clocks.guard.believed, false);

  const sessions = guarded();
  sessions.session.live = false;
  assert.equal(sessions.guard.believed, false);
  sessions.session.live = true;
  assert.equal(sessions.guard.believed, false);
});

test("it counts for one session only", () => {
  const { session, guard, ref } = guarded();
  session.ref = { ...ref, epoch: 8 };
  assert.equal(guard.believed, false);
});

test("a lease that was given back is over", () => {
  const { guard } = guarded();
  guard.end();
  assert.deepEqual([guard.believed, guard.validFor], [false, 0]);
});
