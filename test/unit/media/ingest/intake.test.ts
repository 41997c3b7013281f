import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { describe, test } from "node:test";
import { pino } from "pino";
import { configSchema } from "../../../../src/config/schema.ts";
import type { MediaPacket } from "../../../../src/domain/ports/channel.ts";
import type { Clock } from "../../../../src/domain/ports/clock.ts";
import { encodeAmf0 } from "../../../../src/media/rtmp/amf0-encode.ts";
import { Intake } from "../../../../src/media/ingest/intake.ts";
import { receiveBudgets } from "../../../../src/media/receive-budgets.ts";
import { ManualClock } from "../../../support/manual-clock.ts";

const { limits, rtmp } = configSchema.parse({ limits: { messagesPerSecond: 50 } });
const frame = Buffer.from("2701", "hex");

function world(signal: AbortSignal = new AbortController().signal, clock: Clock = new ManualClock()) {
  const packets: MediaPacket[] = [];
  let opened = 0;
  const sink = { opened: () => void opened++, write: (packet: MediaPacket) => void packets.push(packet) };
  const log = pino({ level: "silent" });
  const times = { connectTimeout: 1_000, idleTimeout: 5_000, allowExec: false };
  const intake = new Intake(sink, signal, {
    ...times,
    limits,
    rtmp,
    clock,
    log,
    budgets: receiveBudgets(limits),
  });
  const said = (): string => (intake.over.aborted ? (intake.over.reason as Error).message : "");
  return { packets, intake, said, opened: () => opened };
}

describe("the near end of a pull", () => {
  test("hands on what is for players, and nothing else", () => {
    const { intake, packets } = world();
    intake.open();
    intake.take(9, 1, frame);
    intake.take(8, 2, Buffer.alloc(0));
    intake.take(18, 3, encodeAmf0("|RtmpSampleAccess", true));
    intake.take(18, 4, encodeAmf0("@setDataFrame", "onMetaData", {}));
    intake.take(8, 5, frame);
    assert.deepEqual(packets.map(({ type, timestamp }) => [type, timestamp]), [["video", 1], ["data", 4], ["audio", 5]]); // prettier-ignore
  });

  test("ends a source that is silent for the time-out, counted from its last sound or picture", async () => {
    const clock = new ManualClock();
    const { intake, said } = world(undefined, clock);
    await clock.advance(60_000);
    intake.open();
    await clock.advance(4_000);
    intake.take(9, 0, frame);
    await clock.advance(4_000);
    intake.take(18, 0, encodeAmf0("onMetaData", {}));
    await turn();
    assert.equal(said(), "");
    await clock.advance(999);
    await turn();
    assert.equal(said(), "");
    await clock.advance(1);
    await turn();
    assert.equal(said(), "the source sends no more media for 5000 ms");
  });

  test("does not blame the source when this process stood still: what came meanwhile is read first", async () => {
    let [now, due] = [0, () => {}];
    const after = (_ms: number, task: () => void) => {
      due = task;
      return () => {};
    };
    const { intake, said } = world(undefined, { wall: () => now, monotonic: () => now, after });
    intake.open();
    now = 30_000;
    // Timers run before sockets are read.
    due();
    intake.take(9, 0, frame);
    await turn();
    assert.equal(said(), "");
    now += 5_000;
    due();
    await turn();
    assert.match(said(), /no more media/);
  });

  test("does not count the time between a redirect and the next answer", async () => {
    const clock = new ManualClock();
    const { intake, said, opened } = world(undefined, clock);
    intake.open();
    await clock.advance(3_000);
    intake.rest();
    await clock.advance(60_000);
    await turn();
    assert.equal(said(), "");
    intake.open();
    await clock.advance(4_999);
    await turn();
    assert.equal(said(), "");
    await clock.advance(1);
    await turn();
    assert.equal(said(), "the source sends no media for 5000 ms");
    assert.equal(opened(), 1);
  });

  test("ends a source that floods it, and delivers nothing after the end", () => {
    const { intake, packets, said } = world();
    intake.open();
    for (let n = 0; n < 60; n++) intake.take(9, n, frame);
    assert.equal(said(), "the source sends too many messages");
    assert.equal(packets.length, 50);
  });

  test("keeps its first reason, and lets go of clock and signal", async () => {
    const abort = new AbortController();
    const clock = new ManualClock();
    const { intake, said } = world(abort.signal, clock);
    const early = intake.limit(() => new Error("late") as never);
    early();
    intake.open();
    await clock.advance(1_000);
    abort.abort(new Error("first"));
    intake.fail(new Error("second"));
    assert.equal(said(), "first");
    const other = world(abort.signal);
    assert.equal(other.said(), "first", "aborted before");
    other.intake.open();
    other.intake.take(9, 0, frame);
    assert.deepEqual([other.opened(), other.packets.length], [0, 0]);
    intake.close();
  });
});
