import { BitReader } from "./bit-reader.ts";

/** What is needed of a sequence parameter set. */
export interface SpsInfo {
  readonly width: number;
  readonly height: number;
  /** 0 grey, 1 4:2:0, 2 4:2:2, 3 4:4:4. */
  readonly chromaFormat: number;
  readonly lumaBits: number;
  readonly chromaBits: number;
  /** How many pictures may be shown after one that is decoded later; `undefined` when it does not say. */
  readonly reorder: number | undefined;
}

const BASELINE = 66;
const EXTENDED_SAR = 255;
const WITH_CHROMA: ReadonlySet<number> = new Set([
  100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135,
]);
/** [H.264 §A.3.1: MaxDpbFrames] */
const MOST_REORDER = 16;

/** Read an H.264 sequence parameter set; `undefined` when it is damaged. @see H.264 §7.3.2.1.1, §E.1.1 */
export function readAvcSps(nal: Buffer): SpsInfo | undefined {
  try {
    return read(new BitReader(nal.subarray(1)));
  } catch {
    return undefined;
  }
}

function read(bits: BitReader): SpsInfo {
  const profile = bits.bits(8);
  bits.skip(16);
  bits.count(31);
  const chroma = WITH_CHROMA.has(profile)
    ? readChroma(bits)
    : { format: 1, separate: false, luma: 8, chroma: 8 };
  bits.count(12);
  const pocType = bits.count(2);
  skipPictureOrder(bits, pocType);
  const references = bits.count(MOST_REORDER);
  bits.skip(1);
  const columns = bits.count(16_384) + 1;
  const rows = bits.count(16_384) + 1;
  const fields = bits.flag() ? 1 : 2;
  if (fields === 2) bits.skip(1);
  bits.skip(1);
  const crop = readCrop(bits);
  const stepX = chroma.format === 1 || chroma.format === 2 ? 2 : 1;
  const stepY = (chroma.format === 1 ? 2 : 1) * fields;
  const said = bits.flag() ? readVui(bits) : undefined;
  return {
    width: columns * 16 - crop.x * stepX,
    height: rows * 16 * fields - crop.y * stepY,
    chromaFormat: chroma.format,
    lumaBits: chroma.luma,
    chromaBits: chroma.chroma,
    reorder: pocType === 2 || profile === BASELINE || references === 0 ? 0 : said,
  };
}

function readChroma(bits: BitReader): { format: number; separate: boolean; luma: number; chroma: number } {
  const format = bits.count(3);
  const separate = format === 3 && bits.flag();
  const luma = 8 + bits.count(6);
  const chroma = 8 + bits.count(6);
  bits.skip(1);
  if (bits.flag())
    for (let list = 0; list < (format === 3 ? 12 : 8); list++)
      if (bits.flag()) skipScalingList(bits, list < 6 ? 16 : 64);
  return { format, separate, luma, chroma };
}

function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let index = 0; index < size; index++) {
    if (next !== 0) next = (last + bits.signed() + 256) % 256;
    last = next === 0 ? last : next;
  }
}

function skipPictureOrder(bits: BitReader, type: number): void {
  if (type === 0) bits.count(12);
  if (type !== 1) return;
  bits.skip(1);
  bits.signed();
  bits.signed();
  for (let left = bits.count(255); left > 0; left--) bits.signed();
}

function readCrop(bits: BitReader): { x: number; y: number } {
  if (!bits.flag()) return { x: 0, y: 0 };
  const x = bits.unsigned() + bits.unsigned();
  return { x, y: bits.unsigned() + bits.unsigned() };
}

/** @returns max_num_reorder_frames, if it is there */
function readVui(bits: BitReader): number | undefined {
  if (bits.flag() && bits.bits(8) === EXTENDED_SAR) bits.skip(32);
  if (bits.flag()) bits.skip(1);
  if (bits.flag()) {
    bits.skip(4);
    if (bits.flag()) bits.skip(24);
  }
  if (bits.flag()) {
    bits.unsigned();
    bits.unsigned();
  }
  if (bits.flag()) bits.skip(65);
  const nalHrd = bits.flag();
  if (nalHrd) skipHrd(bits);
  const vclHrd = bits.flag();
  if (vclHrd) skipHrd(bits);
  if (nalHrd || vclHrd) bits.skip(1);
  bits.skip(1);
  if (!bits.flag()) return undefined;
  bits.skip(1);
  for (let skipped = 0; skipped < 4; skipped++) bits.unsigned();
  return bits.count(MOST_REORDER);
}

function skipHrd(bits: BitReader): void {
  const schedules = bits.count(31) + 1;
  bits.skip(8);
  for (let index = 0; index < schedules; index++) {
    bits.unsigned();
    bits.unsigned();
    bits.skip(1);
  }
  bits.skip(20);
}
