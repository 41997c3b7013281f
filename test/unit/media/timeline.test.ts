import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Timeline } from "../../../src/media/timeline.ts";

const WRAP = 2 ** 32;

test("the first source begins at 0, whatever its clock says", () => {
  const timeline = new Timeline();
  timeline.enter(3_600_000, 50);
  assert.equal(timeline.map("video", 3_600_000, 50), 0);
  assert.equal(timeline.map("audio", 3_600_021, 71), 21);
});

test("a new source goes on where the channel would be by then", () => {
  const timeline = new Timeline();
  timeline.enter(0, 1_000);
  assert.equal(timeline.map("video", 0, 1_000), 0);
  assert.equal(timeline.map("video", 40, 1_040), 40);
  timeline.enter(900_000, 1_840);
  assert.equal(timeline.map("video", 900_000, 1_840), 840);
  timeline.enter(7, 1_840);
  assert.equal(timeline.map("video", 7, 1_840), 841, "just after, when no time has passed");
  timeline.enter(8, 60_000);
  assert.equal(timeline.map("video", 8, 60_000), 1_841, "a second later, when a minute has passed");
});

/** Pictures 40 ms apart in the order of decoding; `depth` pictures of composition time at most. Returns them as shown. */
function pictures(timeline: Timeline, start: number, now: number, depth: number, count = 25): number[] {
  return Array.from({ length: count }, (_, index) => {
    const delay = depth * 40 * (index % (depth + 1) === 0 ? 1 : 0);
    return timeline.map("video", start + index * 40, now + index * 40, delay) + delay;
  });
}

test("a picture of the next source is shown after the last one of the source before, B-frames or not", () => {
  for (const [before, after] of [
    [2, 0],
    [0, 2],
    [2, 2],
    [4, 1],
    [0, 0],
  ] as const)
    for (const gap of [0, 1, 30, 80, 5_000]) {
      const timeline = new Timeline();
      timeline.enter(900, 0, { track: "video", presented: 900 + before * 40 });
      const shown = pictures(timeline, 900, 0, before);
      const now = 24 * 40 + gap;
      timeline.enter(7, now, { track: "video", presented: 7 + after * 40 });
      const next = pictures(timeline, 7, now, after);
      const step = (next[0] as number) - Math.max(...shown);
      const counted = Math.max(1, Math.min(1_000, gap));
      const name = `${before} B-frames, then ${after}, after ${gap} ms: the next picture after ${step} ms`;
      assert.ok(step >= 40, name);
      assert.ok(step <= Math.max(40, counted + after * 40), name);
    }
});

test("waits for the last picture do not add up", () => {
  const timeline = new Timeline();
  let now = 0;
  for (let swap = 0; swap < 50; swap++) {
    const depth = swap % 2 ? 0 : 3;
    timeline.enter(0, now, { track: "video", presented: depth * 40 });
    pictures(timeline, 0, now, depth);
    now += 24 * 40 + (swap % 2 ? 250 : 0);
  }
  assert.ok(timeline.last - now <= 3 * 40 + 40, `${timeline.last - now} ms ahead`);
});

test("a composition time that cannot be true moves the next source by two seconds at most", () => {
  const timeline = new Timeline();
  timeline.enter(0, 0);
  timeline.map("video", 0, 0, 8_000_000);
  timeline.enter(0, 10, { track: "video", presented: -8_000_000 });
  assert.equal(timeline.map("video", 0, 10), 2_000);
});

test("after a wait for the last picture the source after the next one goes on later still", () => {
  const timeline = new Timeline();
  timeline.enter(0, 0, { track: "video", presented: 0 });
  timeline.map("video", 0, 0);
  timeline.map("video", 40, 40, 500);
  timeline.enter(7, 50, { track: "video", presented: 7 });
  const waited = timeline.map("video", 7, 50);
  assert.equal(waited, 40 + 500 + 40);
  timeline.enter(9, 60, { track: "audio", presented: 9 });
  assert.equal(timeline.map("audio", 9, 60), waited + 1);
});

test("a source's clock may wrap", () => {
  const timeline = new Timeline();
  timeline.enter(WRAP - 50, 0);
  assert.equal(timeline.map("video", WRAP - 50, 0), 0);
  assert.equal(timeline.map("audio", WRAP - 10, 40), 40);
  assert.equal(timeline.map("video", 30, 80), 80);
});

test("the channel's own time grows beyond 2^32", () => {
  const timeline = new Timeline();
  timeline.enter(0, 0);
  let now = 0;
  for (let step = 0; now < WRAP + 100_000; step++) {
    now += 9_000;
    assert.equal(timeline.map(step % 2 ? "audio" : "video", now % WRAP, now), now === 9_000 ? 9_000 : now);
  }
  assert.equal(timeline.last, now);
});

test("a clock set back is followed by both tracks, one after the other", () => {
  const timeline = new Timeline();
  timeline.enter(500_000, 0);
  const seen = [
    timeline.map("video", 500_000, 0),
    timeline.map("audio", 500_020, 20),
    timeline.map("video", 500_040, 40),
    timeline.map("video", 0, 80), // set back, the audio follows later
    timeline.map("audio", 500_060, 85),
    timeline.map("audio", 5, 90),
    timeline.map("video", 40, 120),
  ];
  assert.deepEqual(seen, [0, 20, 40, 80, 60, 85, 120]);
});

test("a clock set far forward does not make players wait for it", () => {
  const timeline = new Timeline();
  timeline.enter(0, 0);
  timeline.map("video", 0, 0);
  assert.equal(timeline.map("video", 90_000_000, 40), 40);
  assert.equal(timeline.map("audio", 90_000_010, 50), 50);
});

test("a source that paused for a while keeps its gap", () => {
  const timeline = new Timeline();
  timeline.enter(0, 0);
  timeline.map("video", 0, 0);
  assert.equal(timeline.map("video", 25_000, 25_010), 25_000);
});

test("one timestamp of garbage moves nothing else", () => {
  const timeline = new Timeline();
  timeline.enter(0, 0);
  timeline.map("video", 0, 0);
  timeline.map("audio", 10, 10);
  timeline.map("video", 3_000_000_000, 40);
  assert.equal(timeline.map("audio", 50, 50), 50);
  assert.equal(timeline.map("video", 80, 80), 80);
});

test("tracks with clocks of their own stay together", () => {
  const timeline = new Timeline();
  timeline.enter(70_000_000, 0);
  for (let at = 0; at < 20_000; at += 40) {
    assert.equal(timeline.map("video", 70_000_000 + at, at), at);
    const sound = timeline.map("audio", 1_000 + at, at + 1);
    assert.ok(Math.abs(sound - at) <= 1, `audio at ${sound}, video at ${at}`);
  }
});

test("a small step back is held at the last timestamp", () => {
  const timeline = new Timeline();
  timeline.enter(0, 0);
  timeline.map("video", 0, 0);
  timeline.map("video", 400, 400);
  assert.equal(timeline.map("video", 100, 410), 400);
  assert.equal(timeline.map("video", 440, 440), 440);
});

test("headers and data take the present, never the future", () => {
  const timeline = new Timeline();
  assert.equal(timeline.mapData(77), 0);
  timeline.enter(5_000, 0);
  timeline.map("video", 5_000, 0);
  timeline.map("audio", 5_050, 50);
  assert.equal(timeline.mapHeader("video"), 0, "the video header goes with the last picture");
  assert.equal(timeline.mapData(0), 50);
  assert.equal(timeline.mapData(9_999), 50);
  timeline.map("video", 5_200, 200);
  assert.equal(timeline.mapData(5_100), 100, "credible: kept");
});

interface Packet {
  readonly track: "audio" | "video";
  readonly timestamp: number;
  /** ms since the packet before. */
  readonly passed: number;
}

/** A source whose tracks go forward together, as encoders send them. */
const soundSource = fc
  .record({
    start: fc.nat(WRAP - 1),
    pause: fc.nat(20_000),
    steps: fc.array(
      fc.record({
        track: fc.constantFrom("audio" as const, "video" as const),
        step: fc.nat(200),
        jitter: fc.nat(300),
      }),
      { minLength: 1, maxLength: 60 },
    ),
  })
  .map(({ start, pause, steps }): Packet[] => {
    let at = start;
    return steps.map(({ track, step, jitter }, index) => {
      at += index === 0 ? 0 : step;
      return { track, timestamp: at % WRAP, passed: index === 0 ? pause : jitter };
    });
  });

test("over any mix of sound sources time never goes back, and both tracks move by the same offset", () => {
  fc.assert(
    fc.property(fc.array(soundSource, { minLength: 1, maxLength: 6 }), (sources) => {
      const timeline = new Timeline();
      let now = 0;
      let last = -1;
      let lastAt = 0;
      for (const packets of sources) {
        let offset: number | undefined;
        for (const { track, timestamp, passed } of packets) {
          now += passed;
          if (offset === undefined) timeline.enter(timestamp, now);
          const time = timeline.map(track, timestamp, now);
          assert.ok(time >= last, `${time} after ${last}`);
          if (offset === undefined && last >= 0)
            assert.equal(time, last + Math.max(1, Math.min(1_000, now - lastAt)));
          offset ??= (time - timestamp) >>> 0;
          assert.equal((time - timestamp) >>> 0, offset);
          if (time > last) lastAt = now;
          last = time;
        }
      }
    }),
    { numRuns: 1_000 },
  );
});

test("whatever timestamps a source sends, no track goes back and time does not run away", () => {
  const step = fc.record({
    track: fc.constantFrom("audio" as const, "video" as const),
    timestamp: fc.oneof(fc.nat(WRAP - 1), fc.nat(3_000), fc.constantFrom(0, WRAP - 1)),
    passed: fc.nat(100),
    swap: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const timeline = new Timeline();
      const last = { audio: -1, video: -1 };
      let now = 0;
      let greatest = 0;
      for (const { track, timestamp, passed, swap } of steps) {
        now += passed;
        if (swap) timeline.enter(timestamp, now);
        const time = timeline.map(track, timestamp, now);
        assert.ok(Number.isSafeInteger(time) && time >= 0);
        assert.ok(time >= last[track], `${track}: ${time} after ${last[track]}`);
        assert.ok(time <= greatest + 10_000 + now, `${time} after ${greatest} at ${now}`);
        last[track] = time;
        greatest = Math.max(greatest, time);
      }
    }),
    { numRuns: 1_000 },
  );
});
