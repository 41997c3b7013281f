import fc from "fast-check";
import { decodeAmf0 } from "../../../src/media/rtmp/amf0-decode.ts";
import { encodeAmf0 } from "../../../src/media/rtmp/amf0-encode.ts";
import type { AmfValue } from "../../../src/media/rtmp/amf0.ts";
import { promisedTracks } from "../../../src/media/codec-metadata.ts";
import { playerData } from "../../../src/media/player-data.ts";
import { Broken, must, type FuzzTarget } from "../engine/target.ts";
import { messagePayloads } from "../seed-messages.ts";
import { regressions } from "../seeds.ts";
import { AMF_WORDS, amfValue } from "./amf-arbitraries.ts";
import { bytesUpTo, exactly, joined, several } from "./byte-arbitraries.ts";

const LIMITS = { depth: 16, elements: 1_024 };

function run(input: Buffer): void {
  const data = playerData(input);
  must(!data || (data.length <= input.length && data[0] === 2), "players get data that begins with a name");
  promisedTracks(input);
  const values = decodeAmf0(input, LIMITS);
  const seen = { elements: 0, depth: 0 };
  for (const value of values) measure(value, 0, seen);
  must(seen.elements <= LIMITS.elements, `${seen.elements} values`);
  must(seen.depth <= LIMITS.depth, `${seen.depth} levels`);
  const encoded = encodeAmf0(...values);
  let again: AmfValue[];
  try {
    again = decodeAmf0(encoded, LIMITS);
  } catch (error) {
    throw new Broken("what was decoded and encoded cannot be decoded", { cause: error });
  }
  must(again.length === values.length, "values are lost on the way");
  must(encodeAmf0(...again).equals(encoded), "values change on the way");
}

function measure(value: AmfValue, depth: number, seen: { elements: number; depth: number }): void {
  seen.elements += 1;
  if (value === null || typeof value !== "object" || value instanceof Date) return;
  seen.depth = Math.max(seen.depth, depth + 1);
  must(Array.isArray(value) || Object.getPrototypeOf(value) === null, "an object has a prototype");
  for (const item of Array.isArray(value) ? value : Object.values(value)) measure(item, depth + 1, seen);
}

/** A value inside many others. */
const deep = fc
  .tuple(fc.nat(40), fc.constantFrom("\x0a\0\0\0\x01", "\x03\0\x01a", "\x08\0\0\0\0\0\0"), amfValue)
  .map(([levels, level, value]) => Buffer.concat([Buffer.from(level.repeat(levels)), value]));

export const target: FuzzTarget = {
  name: "amf0",
  // LIMIT_EXCEEDED also of the encoder: replacement characters may make a key too long.
  codes: ["PROTOCOL_VIOLATION", "LIMIT_EXCEEDED"],
  structure: joined(
    fc.oneof(
      several(amfValue, 4),
      deep,
      exactly("\x02\0\x0aonMetaData", "\x02\0\x0d@setDataFrame\x02\0\x0aonMetaData"),
    ),
    fc.oneof(several(amfValue, 2), bytesUpTo(8)),
  ),
  seeds: [...messagePayloads([15, 17, 18, 20]), ...regressions("amf0")],
  words: AMF_WORDS,
  mostBytes: 70_000,
  mostSteps: (bytes) => 20_000 + 400 * bytes,
  mostMemory: (bytes) => ({ largest: 65_536 + 8 * bytes, total: 262_144 + 32 * bytes }),
  run,
};
