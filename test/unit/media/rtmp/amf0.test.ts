import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { HoldfastError } from "../../../../src/domain/errors.ts";
import { decodeAmf0 } from "../../../../src/media/rtmp/amf0-decode.ts";
import { encodeAmf0 } from "../../../../src/media/rtmp/amf0-encode.ts";
import type { AmfObject, AmfValue } from "../../../../src/media/rtmp/amf0.ts";

const LIMITS = { depth: 16, elements: 1_024 };
const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");
const read = (text: string, limits = LIMITS) => decodeAmf0(hex(text), limits);

/** Equal as AMF sees it: prototypes do not matter, NaN equals NaN. */
function plain(value: AmfValue): unknown {
  if (value instanceof Date) return `date ${value.getTime()}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null)
    return Object.entries(value).map(([key, inner]) => [key, plain(inner)]);
  return value;
}

describe("AMF0", () => {
  const wire: readonly [name: string, bytes: string, value: unknown][] = [
    ["a number", "00 3ff0000000000000", 1],
    ["true", "01 01", true],
    ["false", "01 00", false],
    ["any other boolean byte is true", "01 ff", true],
    ["a string", "02 0003 616263", "abc"],
    ["a string of two-byte characters", "02 0004 c3a4c3b6", "äö"],
    ["null", "05", null],
    ["undefined", "06", undefined],
    ["unsupported reads as undefined", "0d", undefined],
    ["a long string", "0c 00000002 6869", "hi"],
    ["xml reads as its text", "0f 00000004 3c612f3e", "<a/>"],
    ["a date", "0b 4072c00000000000 0000", "date 300"],
    ["a strict array", "0a 00000002 05 06", [null, undefined]],
    ["an object", "03 0001 61 0101 0001 62 05 000009", [["a", true], ["b", null]]], // prettier-ignore
    ["a typed object reads as an object", "10 0003 466f6f 0001 61 05 000009", [["a", null]]],
    ["an ECMA array", "08 00000001 0001 61 05 000009", [["a", null]]],
    ["an ECMA array with a wrong count", "08 ffffffff 0001 61 05 000009", [["a", null]]],
    ["an ECMA array that the message ends", "08 00000001 0001 61 05", [["a", null]]],
    ["an empty key", "03 0000 05 000009", [["", null]]],
    ["the last of two equal keys", "03 0001 61 05 0001 61 0101 000009", [["a", true]]],
  ];
  for (const [name, bytes, value] of wire)
    test(`reads ${name}`, () => {
      const values = read(bytes);
      assert.equal(values.length, 1);
      assert.deepEqual(plain(values[0]), value);
    });

  const refused: readonly [name: string, bytes: string, code: string, detail: RegExp][] = [
    ["a cut number", "00 3ff000", "PROTOCOL_VIOLATION", /cut short/],
    ["a cut boolean", "01", "PROTOCOL_VIOLATION", /cut short/],
    ["a string longer than the message", "02 ffff 61", "PROTOCOL_VIOLATION", /cut short/],
    ["a long string of 4 GB", "0c ffffffff 61", "PROTOCOL_VIOLATION", /cut short/],
    ["an object without an end", "03 0001 61 05", "PROTOCOL_VIOLATION", /cut short/],
    ["a key without a value", "03 0001 61", "PROTOCOL_VIOLATION", /cut short/],
    ["a cut date", "0b 00", "PROTOCOL_VIOLATION", /cut short/],
    ["a strict array of 4 G elements", "0a ffffffff 05", "LIMIT_EXCEEDED", /too long/],
    ["a strict array longer than the message", "0a 00000100 05", "PROTOCOL_VIOLATION", /longer than its/],
    ["a reference", "0a 00000001 07 0000", "PROTOCOL_VIOLATION", /references/],
    ["an AMF3 value", "11 04 01", "PROTOCOL_VIOLATION", /AMF3/],
    ["a movie clip", "04", "PROTOCOL_VIOLATION", /unknown AMF marker 0x04/],
    ["a record set", "0e", "PROTOCOL_VIOLATION", /unknown AMF marker 0x0e/],
    ["an unknown marker", "42", "PROTOCOL_VIOLATION", /unknown AMF marker 0x42/],
    ["an object end without an object", "09 09 09 09 09 09 09 09 09", "PROTOCOL_VIOLATION", /marker 0x09/],
  ];
  for (const [name, bytes, code, detail] of refused)
    test(`refuses ${name}`, () => {
      assert.throws(
        () => read(bytes),
        (error) => {
          assert.ok(error instanceof HoldfastError);
          assert.equal(error.code, code);
          assert.match(error.message, detail);
          return true;
        },
      );
    });

  test("ignores padding after the last value, and nothing else", () => {
    assert.deepEqual(read("0101 00"), [true]);
    assert.deepEqual(read("0101 000009"), [true]);
    assert.deepEqual(read("0101 0000000000000000"), [true]);
    assert.deepEqual(read("0101 000000000000000000"), [true, 0]);
    assert.throws(() => read("0101 000001"), HoldfastError);
  });

  test("keys of the object prototype mean nothing", () => {
    const bytes = encodeAmf0(JSON.parse('{"__proto__":{"admin":true},"constructor":1,"toString":2}'));
    const [object] = decodeAmf0(bytes, LIMITS) as [AmfObject];
    assert.equal(Object.getPrototypeOf(object), null);
    assert.deepEqual(Object.keys(object), ["__proto__", "constructor", "toString"]);
    assert.equal(({} as Record<string, unknown>)["admin"], undefined);
  });

  test("nesting is limited, for objects and arrays alike", () => {
    const nested = (depth: number, open: string, end: string) =>
      hex(open.repeat(depth) + "05" + end.repeat(depth));
    for (const [open, end] of [
      ["03000161", "000009"],
      ["0a00000001", ""],
      ["0800000000000161", "000009"],
    ] as const) {
      // prettier-ignore
      assert.equal(decodeAmf0(nested(16, open, end), LIMITS).length, 1);
      assert.throws(() => decodeAmf0(nested(17, open, end), LIMITS), { code: "LIMIT_EXCEEDED" });
      assert.throws(() => decodeAmf0(nested(100_000, open, end), LIMITS), { code: "LIMIT_EXCEEDED" });
    }
  });

  test("the number of values is limited, wherever they are", () => {
    const limits = { depth: 16, elements: 4 };
    assert.equal(decodeAmf0(hex("05050505"), limits).length, 4);
    assert.throws(() => decodeAmf0(hex("0505050505"), limits), { code: "LIMIT_EXCEEDED" });
    assert.equal(decodeAmf0(hex("0a00000003050505"), limits).length, 1);
    assert.throws(() => decodeAmf0(hex("0a0000000405050505"), limits), { code: "LIMIT_EXCEEDED" });
    assert.throws(() => decodeAmf0(hex("03 000161 05 000162 05 000163 05 000164 05 000009".replaceAll(" ", "")), limits), { code: "LIMIT_EXCEEDED" }); // prettier-ignore
  });

  test("the longest short string and the first long one are written as such", () => {
    assert.equal(encodeAmf0("x".repeat(65_535))[0], 0x02);
    assert.equal(encodeAmf0("x".repeat(65_536))[0], 0x0c);
    for (const length of [65_535, 65_536])
      assert.deepEqual(decodeAmf0(encodeAmf0("ä".repeat(length)), LIMITS), ["ä".repeat(length)]);
  });

  test("what cannot be written is refused", () => {
    const loop: AmfValue[] = [];
    loop.push(loop);
    assert.throws(() => encodeAmf0(loop), { code: "LIMIT_EXCEEDED" });
    assert.throws(() => encodeAmf0({ ["k".repeat(65_536)]: 1 }), { code: "LIMIT_EXCEEDED" });
  });

  const leaf = fc.oneof(
    fc.double(),
    fc.boolean(),
    fc.string({ unit: "grapheme" }),
    fc.constant(null),
    fc.constant(undefined),
    fc.date(),
  );
  const { value: anyValue } = fc.letrec<{ value: AmfValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 6, withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(fc.string({ unit: "grapheme", maxLength: 8 }), tie("value"), {
        maxKeys: 4,
        noNullPrototype: false,
      }),
    ),
  }));

  test("any values come back as they were", () => {
    fc.assert(
      fc.property(fc.array(anyValue, { maxLength: 5 }), (values) => {
        // A number 0 at the end is nine bytes, and so is never padding.
        const back = decodeAmf0(encodeAmf0(...values), { depth: 64, elements: 100_000 });
        assert.deepEqual(back.map(plain), values.map(plain));
      }),
      { numRuns: 500 },
    );
  });

  test("any bytes give values or a HoldfastError", () => {
    const mutated = fc
      .tuple(
        fc.array(anyValue, { minLength: 1, maxLength: 4 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
        fc.nat(),
      )
      .map(([values, changes, end]) => {
        const bytes = encodeAmf0(...values);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes.subarray(0, 1 + (end % bytes.length));
      });
    const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(mutated, random), (bytes) => {
        try {
          decodeAmf0(bytes, LIMITS);
        } catch (error) {
          assert.ok(error instanceof HoldfastError, String(error));
        }
      }),
      { numRuns: 3_000 },
    );
  });
});
