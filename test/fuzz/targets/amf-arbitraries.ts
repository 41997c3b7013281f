import fc from "fast-check";
import { bytesUpTo, exactly, joined, uintBytes } from "./byte-arbitraries.ts";

const KEYS = [
  "app",
  "tcUrl",
  "code",
  "level",
  "ex",
  "fourCcList",
  "capsEx",
  "__proto__",
  "constructor",
  "0",
  "",
] as const;
const TEXTS = [
  "connect",
  "publish",
  "live",
  "onMetaData",
  "@setDataFrame",
  "rtmp://h/live?a=b",
  "cam?x=1",
  "ü€😀",
] as const;

const marker = (value: number) => exactly(Buffer.from([value]));
const shortText = (text: fc.Arbitrary<Uint8Array>) =>
  text.map((bytes) => Buffer.concat([uintBytes(2, Math.min(bytes.length, 65_535)), bytes]));
const longText = (text: fc.Arbitrary<Uint8Array>) =>
  text.map((bytes) => Buffer.concat([uintBytes(4, bytes.length), bytes]));
const text = fc.oneof(exactly(...TEXTS), bytesUpTo(12));
const key = shortText(fc.oneof(exactly(...KEYS), bytesUpTo(4)));
const double = fc.double().map((value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes;
});

/** Any AMF0 value as bytes, all markers, nested. */
export const amfValue: fc.Arbitrary<Uint8Array> = fc.letrec<{ value: Uint8Array; properties: Uint8Array }>(
  (tie) => ({
    value: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.oneof(
        joined(marker(0), double),
        joined(marker(1), bytesUpTo(1)),
        joined(marker(2), shortText(text)),
        joined(
          fc.constantFrom(0x0c, 0x0f).map((value) => Buffer.from([value])),
          longText(text),
        ),
        joined(fc.constantFrom(5, 6, 0x0d, 0x11, 0x04, 0x12).map((value) => Buffer.from([value]))),
        joined(marker(7), bytesUpTo(2)),
        joined(marker(0x0b), double, exactly("\0\0")),
      ),
      joined(marker(3), tie("properties"), exactly("\0\0\t")),
      joined(marker(0x10), shortText(text), tie("properties"), exactly("\0\0\t")),
      joined(
        marker(8),
        exactly("\0\0\0\0", "\0\0\0\x02", "\xff\xff\xff\xff"),
        tie("properties"),
        exactly("\0\0\t", ""),
      ),
      fc
        .array(tie("value"), { maxLength: 4 })
        .map((items) => Buffer.concat([Buffer.from([0x0a]), uintBytes(4, items.length), ...items])),
    ),
    properties: fc
      .array(fc.tuple(key, tie("value")), { maxLength: 4 })
      .map((all) => Buffer.concat(all.flat())),
  }),
).value;

export const amfName = joined(
  marker(2),
  shortText(
    exactly(
      ...[
        "connect",
        "createStream",
        "publish",
        "play",
        "play2",
        "pause",
        "seek",
        "deleteStream",
        "closeStream",
      ],
      ...[
        "FCPublish",
        "FCUnpublish",
        "releaseStream",
        "FCSubscribe",
        "getStreamLength",
        "receiveAudio",
        "_checkbw",
      ],
      ...[
        "_result",
        "_error",
        "onStatus",
        "onMetaData",
        "@setDataFrame",
        "@clearDataFrame",
        "|RtmpSampleAccess",
        "what",
      ],
    ),
  ),
);

export const AMF_WORDS = [
  ...KEYS,
  ...TEXTS,
  "\0\0\t",
  "\x03",
  "\x08",
  "\x0a",
  "\x0a\0\0\0\x01",
  "\x11",
  "\x05",
] as const;
