import fc from "fast-check";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { FlvDemuxer } from "../../../src/media/flv/demuxer.ts";
import type { FlvTag } from "../../../src/media/flv/tag.ts";
import { flvHeader, flvTag } from "../../support/flv-file.ts";
import { sampleFlv, sampleStream } from "../../support/sample-stream.ts";
import { hashOf, ownCopy, Random, splitBytes } from "../engine/random.ts";
import { must, type FuzzTarget } from "../engine/target.ts";
import { clientSeeds, regressions } from "../seeds.ts";
import { bytesUpTo, exactly, joined, several, uint, uintBytes } from "./byte-arbitraries.ts";

const MOST_TAG = 65_536;

interface Reading {
  readonly tags: readonly FlvTag[];
  readonly complete: boolean;
  readonly error: string | undefined;
}

function read(pieces: readonly Buffer[]): Reading {
  const tags: FlvTag[] = [];
  const demuxer = new FlvDemuxer(MOST_TAG, (tag) => void tags.push(tag));
  try {
    for (const piece of pieces) demuxer.push(piece);
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error;
    return { tags, complete: false, error: error.message };
  }
  return { tags, complete: demuxer.complete, error: undefined };
}

function lines(tags: readonly FlvTag[]): string {
  return tags
    .map(({ type, timestamp, payload }) => `${type} ${timestamp} ${payload.length} ${hashOf(payload)}`)
    .join("\n");
}

function run(input: Buffer): void {
  const whole = read([ownCopy(input)]);
  const ways = [splitBytes(input, new Random(hashOf(input)))];
  if (input.length <= 128) ways.push(Array.from(input, (byte) => Buffer.from([byte])));
  for (const pieces of ways) {
    const split = read(pieces);
    must(lines(split.tags) === lines(whole.tags), "the same bytes, split, are other tags");
    must(split.error === whole.error, "the same bytes, split, fail otherwise");
    must(split.complete === whole.complete, "the same bytes, split, end elsewhere");
  }
  for (const { payload } of whole.tags)
    must(payload.length > 0 && payload.length <= MOST_TAG, "a tag of a wrong size");
  const again = read([fileOf(whole.tags)]);
  must(again.complete && lines(again.tags) === lines(whole.tags), "what was read and written cannot be read");
  if (whole.error !== undefined) throw new HoldfastError("PROTOCOL_VIOLATION", { detail: whole.error });
}

function fileOf(tags: readonly FlvTag[]): Buffer {
  const written = tags.map(({ type, timestamp, payload }) => flvTag({ type, timestamp, body: payload }));
  return ownCopy(Buffer.concat([flvHeader(), ...written]));
}

const tag = fc
  .tuple(
    fc.constantFrom(8, 9, 18, 18, 0, 0x28, 15),
    uint(4),
    bytesUpTo(60),
    fc.constantFrom(0, 0, 0, 1, -1, 100_000),
  )
  .map(([type, time, body, lie]) => {
    const head = [
      Buffer.from([type]),
      uintBytes(3, Math.max(0, body.length + lie)),
      time,
      Buffer.alloc(3),
      body,
    ];
    return Buffer.concat([...head, uintBytes(4, 11 + body.length)]);
  });

export const target: FuzzTarget = {
  name: "flv-demuxer",
  codes: ["PROTOCOL_VIOLATION"],
  structure: joined(
    exactly("FLV\x01\x05\0\0\0\x09", "FLV\x01\x01\0\0\0\x0cabc", "FLV\x01\x05\0\0\x04\0", "FLX"),
    exactly("\0\0\0\0"),
    several(tag, 8),
  ),
  seeds: [
    sampleFlv(sampleStream({ duration: 300 })),
    ...clientSeeds("http-publish").map((seed) => seed.subarray(Math.max(0, seed.indexOf("FLV")))),
    ...regressions("flv-demuxer"),
  ],
  words: ["FLV", "\0\0\0\x09", "\x08\0\0\x04", "\x09", "\x12"],
  mostBytes: 16_384,
  mostSteps: (bytes) => 50_000 + 400 * bytes,
  mostMemory: (bytes) => ({ largest: 131_072 + 2 * bytes, total: (1 << 20) + 3 * 8_192 * bytes }),
  run,
};
