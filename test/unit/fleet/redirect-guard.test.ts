import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import { RedirectGuard } from "../../../src/fleet/redirect-guard.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const CAM = parseStreamKey("live/cam");

test("a client that comes back again and again for one stream is not sent away for ever", async () => {
  const clock = new ManualClock();
  const guard = new RedirectGuard(clock);
  const allowed = () => guard.allow("192.0.2.1", CAM);
  assert.deepEqual([allowed(), allowed(), allowed(), allowed(), allowed()], [true, true, true, false, false]);
  assert.equal(guard.allow("192.0.2.1", parseStreamKey("live/other")), true);
  assert.equal(guard.allow("192.0.2.2", CAM), true);
  await clock.advance(10_000);
  assert.equal(allowed(), true);
});

test("when there are too many clients to count, nobody is redirected", async () => {
  const clock = new ManualClock();
  const guard = new RedirectGuard(clock);
  for (let i = 0; i < 10_000; i++) assert.equal(guard.allow(`client-${i}`, CAM), true);
  assert.equal(guard.allow("one more", CAM), false);
  await clock.advance(10_000);
  assert.equal(guard.allow("one more", CAM), true);
});
