/** A view may keep alive this many times its own size. */
const VIEW_FACTOR = 4;

/** Part of `data` for somebody who may keep it: a view, unless that would keep much more memory alive. */
export function ownBytes(data: Buffer, start: number, end: number): Buffer {
  if ((end - start) * VIEW_FACTOR >= data.buffer.byteLength) return data.subarray(start, end);
  const copy = Buffer.allocUnsafeSlow(end - start);
  data.copy(copy, 0, start, end);
  return copy;
}
