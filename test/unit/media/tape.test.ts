import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { StreamMessage } from "../../../src/media/message.ts";
import { Section, Tape, type TapedMessage } from "../../../src/media/tape.ts";
import { RecordingSubscriber } from "../../support/recording-subscriber.ts";

const CHUNK_SIZE = 65_536;

function message(type: 8 | 9 | 18, time: number, bytes: number): StreamMessage {
  return { type, time, payload: Buffer.alloc(bytes, (time % 251) + 1), header: false };
}

function sectionOf(taped: readonly TapedMessage[]): Section {
  const section = new Section();
  for (const each of taped) section.add(each);
  return section;
}

function read(section: Section, form: "rtmp" | "flv") {
  const player = new RecordingSubscriber(form);
  player.write(section.as(form, CHUNK_SIZE));
  return player.tags.map(({ type, timestamp, body }) => [type, timestamp, body.toString("latin1")]);
}

test("both forms hold every message, whatever its length and time", () => {
  const length = fc.oneof(fc.nat(300), fc.constantFrom(65_535, 65_536, 65_537, 131_072, 200_000));
  const time = fc.oneof(fc.nat(100_000), fc.constantFrom(0xff_fffe, 0xff_ffff, 0xffff_ffff, 0x1_0000_0005));
  const any = fc.tuple(fc.constantFrom(8 as const, 9 as const, 18 as const), time, length);
  fc.assert(
    fc.property(fc.array(any, { minLength: 1, maxLength: 12 }), (rows) => {
      const tape = new Tape(CHUNK_SIZE);
      const messages = rows.map(([type, at, bytes]) => message(type, at, bytes));
      const section = sectionOf(messages.map((each) => tape.append(each)));
      const expected = messages.map(({ type, time: at, payload }) => [
        type,
        at >>> 0,
        payload.toString("latin1"),
      ]);
      for (const form of ["rtmp", "flv"] as const) {
        assert.deepEqual(read(section, form), expected);
        assert.equal(section.as(form, CHUNK_SIZE).length, section.bytes(form));
      }
    }),
    { numRuns: 100 },
  );
});

test("the chunks of a section are a view where its messages lie in one block", () => {
  const tape = new Tape(CHUNK_SIZE);
  tape.append(message(9, 0, 1_000));
  const taped = [tape.append(message(9, 40, 1_000)), tape.append(message(8, 41, 200))];
  const chunks = sectionOf(taped).as("rtmp", CHUNK_SIZE);
  assert.equal(chunks.buffer, taped[0]?.block.buffer);
});

test("little is lost at the end of a block, and a block is no larger than needed", () => {
  for (const bytes of [100, 4_000, 60_000, 300_000, 3_000_000]) {
    const tape = new Tape(CHUNK_SIZE);
    const blocks = new Map<ArrayBufferLike, number>();
    for (let time = 0; time < 200; time++) {
      const { block, start, end } = tape.append(message(9, time, bytes));
      blocks.set(block.buffer, (blocks.get(block.buffer) ?? 0) + end - start);
    }
    const sizes = [...blocks].slice(0, -1);
    assert.ok(sizes.length > 0 || bytes === 100);
    for (const [{ byteLength }, used] of sizes) {
      assert.ok(byteLength <= Math.max(1_048_576, bytes + 100), `${byteLength} for messages of ${bytes}`);
      assert.ok(used >= byteLength * 0.7, `${used} of ${byteLength} used by messages of ${bytes}`);
    }
  }
});
