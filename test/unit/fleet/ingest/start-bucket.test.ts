import assert from "node:assert/strict";
import { test } from "node:test";
import { StartBucket } from "../../../../src/fleet/ingest/start-bucket.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

function bucketOf(perSecond: number) {
  const clock = new ManualClock();
  const bucket = new StartBucket(clock, perSecond);
  const begun: string[] = [];
  const take = (name: string, urgency?: "first" | "again") => {
    const abort = new AbortController();
    void bucket.take(abort.signal, urgency).then(() => abort.signal.aborted || begun.push(name));
    return abort;
  };
  return { clock, begun, take };
}

test("no second sees more starts than that, and all come in turn", async () => {
  const { clock, begun, take } = bucketOf(2);
  for (const name of ["a", "b", "c", "d", "e"]) take(name);
  await clock.advance(0);
  assert.deepEqual(begun, ["a", "b"]);
  await clock.advance(999);
  assert.deepEqual(begun, ["a", "b"]);
  await clock.advance(1);
  assert.deepEqual(begun, ["a", "b", "c", "d"]);
  await clock.advance(1_000);
  assert.deepEqual(begun, ["a", "b", "c", "d", "e"]);
});

test("what failed a moment ago waits behind what nobody pulls", async () => {
  const { clock, begun, take } = bucketOf(1);
  for (const name of ["broken 1", "broken 2", "broken 3"]) take(name, "again");
  take("orphan 1");
  take("orphan 2");
  await clock.advance(0);
  assert.deepEqual(begun, ["broken 1"]);
  await clock.advance(2_000);
  assert.deepEqual(begun, ["broken 1", "orphan 1", "orphan 2"]);
  await clock.advance(2_000);
  assert.deepEqual(begun, ["broken 1", "orphan 1", "orphan 2", "broken 2", "broken 3"]);
});

test("who goes away uses no turn up", async () => {
  const { clock, begun, take } = bucketOf(1);
  take("a");
  const gone = take("b");
  take("c");
  gone.abort();
  await clock.advance(1_000);
  assert.deepEqual(begun, ["a", "c"]);
  const early = new AbortController();
  early.abort();
  await new StartBucket(clock, 1).take(early.signal);
});
