import fc from "fast-check";

/** Bytes one after another. */
export function joined(...parts: readonly fc.Arbitrary<Uint8Array>[]): fc.Arbitrary<Uint8Array> {
  return fc.tuple(...parts).map((all) => Buffer.concat(all));
}

/** A number of so many bytes, big-endian; often one near a border. */
export function uint(bytes: 1 | 2 | 3 | 4, most = 2 ** (8 * bytes) - 1): fc.Arbitrary<Uint8Array> {
  return fc.integer({ min: 0, max: most }).map((value) => uintBytes(bytes, value));
}

export function uintBytes(bytes: number, value: number): Buffer {
  const out = Buffer.alloc(bytes);
  out.writeUIntBE(value, 0, bytes);
  return out;
}

/** Up to so many parts, joined. */
export function several(part: fc.Arbitrary<Uint8Array>, maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.array(part, { maxLength }).map((parts) => Buffer.concat(parts));
}

export function bytesUpTo(maxLength: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ maxLength });
}

/** These bytes. */
export function exactly(...values: readonly (string | Uint8Array)[]): fc.Arbitrary<Uint8Array> {
  return fc.constantFrom(...values.map((value) => Buffer.from(value)));
}
