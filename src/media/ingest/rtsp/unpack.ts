import type { UnitBuffer } from "./unit-buffer.ts";

/** A NAL unit in parts: what its packet says of it. */
export interface Fragment {
  readonly first: boolean;
  readonly last: boolean;
  /** The NAL unit's own header. */
  readonly header: Buffer;
  readonly data: Buffer;
}

/** Take one NAL unit that is alone in its packet. @returns false inside another one */
export function takeWhole(nal: Buffer, unit: UnitBuffer, onNal: (nal: Buffer) => void): boolean {
  if (unit.open || nal.length === 0) return false;
  unit.begin();
  unit.append(nal);
  onNal(unit.end());
  return true;
}

/** Take NAL units, each behind its length in two bytes. @returns false when one is cut short */
export function takeSeveral(data: Buffer, unit: UnitBuffer, onNal: (nal: Buffer) => void): boolean {
  let at = 0;
  while (at + 2 <= data.length) {
    const end = at + 2 + data.readUInt16BE(at);
    if (end > data.length || !takeWhole(data.subarray(at + 2, end), unit, onNal)) return false;
    at = end;
  }
  return at > 0 && at === data.length;
}

/** Take a part of a NAL unit. @returns false when the part before it is missing */
export function takeFragment(
  { first, last, header, data }: Fragment,
  unit: UnitBuffer,
  onNal: (nal: Buffer) => void,
): boolean {
  if (first === unit.open) return false;
  if (first) {
    unit.begin();
    unit.append(header);
  }
  unit.append(data);
  if (last) onNal(unit.end());
  return true;
}
