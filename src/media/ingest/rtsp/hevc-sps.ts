import type { SpsInfo } from "./avc-sps.ts";
import { BitReader } from "./bit-reader.ts";

/** What is needed of an H.265 sequence parameter set. */
export interface HevcSpsInfo extends SpsInfo {
  /** general_profile_space to general_level_idc: 12 bytes, as the decoder configuration record has them. */
  readonly profile: Buffer;
  readonly temporalLayers: number;
  readonly temporalNested: boolean;
}

const MOST_REORDER = 16;

/** Read an H.265 sequence parameter set; `undefined` when it is damaged. @see H.265 §7.3.2.2.1 */
export function readHevcSps(nal: Buffer): HevcSpsInfo | undefined {
  try {
    return read(new BitReader(nal.subarray(2)));
  } catch {
    return undefined;
  }
}

function read(bits: BitReader): HevcSpsInfo {
  bits.skip(4);
  const subLayers = bits.bits(3);
  const temporalNested = bits.flag();
  const profile = Buffer.from(Array.from({ length: 12 }, () => bits.bits(8)));
  skipSubLayers(bits, subLayers);
  bits.count(15);
  const chromaFormat = bits.count(3);
  if (chromaFormat === 3) bits.skip(1);
  const width = bits.count(65_536);
  const height = bits.count(65_536);
  const crop = readWindow(bits);
  const lumaBits = 8 + bits.count(8);
  const chromaBits = 8 + bits.count(8);
  return {
    width: width - crop.x * (chromaFormat === 1 || chromaFormat === 2 ? 2 : 1),
    height: height - crop.y * (chromaFormat === 1 ? 2 : 1),
    chromaFormat,
    lumaBits,
    chromaBits,
    reorder: readReorder(bits, subLayers),
    profile,
    temporalLayers: subLayers + 1,
    temporalNested,
  };
}

function skipSubLayers(bits: BitReader, count: number): void {
  if (count === 0) return;
  const present = Array.from({ length: count }, () => [bits.flag(), bits.flag()] as const);
  bits.skip(2 * (8 - count));
  for (const [profile, level] of present) bits.skip((profile ? 88 : 0) + (level ? 8 : 0));
}

function readWindow(bits: BitReader): { x: number; y: number } {
  if (!bits.flag()) return { x: 0, y: 0 };
  const x = bits.unsigned() + bits.unsigned();
  return { x, y: bits.unsigned() + bits.unsigned() };
}

/** sps_max_num_reorder_pics of the highest layer. */
function readReorder(bits: BitReader, subLayers: number): number {
  bits.count(12);
  const each = bits.flag();
  let reorder = 0;
  for (let layer = each ? 0 : subLayers; layer <= subLayers; layer++) {
    bits.count(MOST_REORDER);
    reorder = bits.count(MOST_REORDER);
    bits.unsigned();
  }
  return reorder;
}
