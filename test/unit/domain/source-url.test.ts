import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HoldfastError } from "../../../src/domain/errors.ts";
import { maskSourceUrl, parseSourceUrl } from "../../../src/domain/source-url.ts";
import type { NetworkSource } from "../../../src/domain/source-url.ts";

const plain = { user: "", password: "", query: "", app: "", stream: "" };

const PARSED: readonly (readonly [string, NetworkSource])[] = [
  [
    "rtmp://src/app/x",
    { ...plain, scheme: "rtmp", host: "src", port: 1935, path: "/app/x", app: "app", stream: "x" },
  ],
  [
    "rtmps://me:p%40ss@cdn.example.com/live/inst/cam?token=a/b?c&x=1",
    {
      scheme: "rtmps",
      host: "cdn.example.com",
      port: 443,
      user: "me",
      password: "p@ss",
      path: "/live/inst/cam",
      query: "token=a/b?c&x=1",
      app: "live/inst",
      stream: "cam",
    },
  ],
  [
    "RTSP://admin:p@ss:word@[fe80::1]:8554/Streaming/Channels/101?transport=tcp",
    {
      ...plain,
      scheme: "rtsp",
      host: "fe80::1",
      port: 8554,
      user: "admin",
      password: "p@ss:word",
      path: "/Streaming/Channels/101",
      query: "transport=tcp",
    },
  ],
  ["rtsp://cam_1", { ...plain, scheme: "rtsp", host: "cam_1", port: 554, path: "/" }],
  ["rtsp://cam?x", { ...plain, scheme: "rtsp", host: "cam", port: 554, path: "/", query: "x" }],
  [
    "http://user@host:8080/live/cam.flv",
    { ...plain, scheme: "http", host: "host", port: 8080, user: "user", path: "/live/cam.flv" },
  ],
  ["https://host/a%20b.flv", { ...plain, scheme: "https", host: "host", port: 443, path: "/a%20b.flv" }],
];

for (const [url, expected] of PARSED)
  test(`${url} is read`, () => assert.deepEqual(parseSourceUrl(url), expected));

test("a command line is kept as it was written", () => {
  const command = `ffmpeg -i "srt://host:9000?passphrase=x#y" -c copy -f flv -`;
  assert.deepEqual(parseSourceUrl(`exec: ${command} `), { scheme: "exec", command });
});

const REFUSED: readonly (readonly [string, RegExp])[] = [
  ["", /expected rtmp:\/\//],
  ["live/cam", /expected rtmp:\/\//],
  ["ftp://host/x", /expected rtmp:\/\//],
  ["srt://host:9000", /expected rtmp:\/\//],
  ["__proto__://host/x", /expected rtmp:\/\//],
  ["constructor://host/x", /expected rtmp:\/\//],
  ["rtmp:/host/app/x", /expected \/\/ after rtmp:/],
  ["rtmp://host/app", /\/APP\/STREAM/],
  ["rtmp://host/app/", /\/APP\/STREAM/],
  ["rtmp://host//x", /\/APP\/STREAM/],
  ["rtmp://host", /\/APP\/STREAM/],
  ["rtmp://host/app?vhost=x/stream", /\/APP\/STREAM/],
  ["rtmp:///app/x", /HOST:PORT/],
  ["rtsp://host:0/x", /HOST:PORT/],
  ["rtsp://host:70000/x", /HOST:PORT/],
  ["rtsp://admin:a/b@host/x", /%2F/],
  ["rtsp://höst/x", /HOST:PORT/],
  ["rtsp://a%zz@host/x", /%40/],
  ["rtsp://host/a b", /%20/],
  ["rtsp://host/a#b", /%23/],
  ["rtsp://host/a\nb", /line break/],
  ["exec:ffmpeg\nrm", /line break/],
  ["exec:  ", /command line/],
  ["http://host/live/cam.m3u8", /ffmpeg/],
  [`rtsp://host/${"x".repeat(8_192)}`, /longer than/],
];

for (const [url, reason] of REFUSED) {
  test(`${JSON.stringify(url.slice(0, 40))} is refused`, () => {
    assert.throws(
      () => parseSourceUrl(url),
      (error) =>
        error instanceof HoldfastError && error.code === "INGEST_INVALID" && reason.test(error.message),
    );
  });
}

const MASKED: readonly (readonly [string, string])[] = [
  ["rtmp://src/app/x", "rtmp://src/app/x"],
  ["rtmp://src:1935/app/x?token=s3cret&a&b=", "rtmp://src/app/x?token=***&***&b=***"],
  ["RTSP://admin:s3cret@cam:8554/1", "rtsp://cam:8554/1"],
  ["rtsp://s3cret@[::1]/1", "rtsp://[::1]/1"],
  ["rtsp://admin:s3:c@ret@cam/1", "rtsp://cam/1"],
  ["rtsp://admin:s3/cret@cam/1", "rtsp:…"],
  ["http://admin:80/s3cret@cam/1.flv", "http:…"],
  ["exec:ffmpeg -i rtsp://admin:s3cret@cam -f flv -", "exec:ffmpeg …"],
  ["exec:/opt/bin/pull.sh", "exec:pull.sh …"],
  ["exec:KEY=s3cret ffmpeg", "exec:…"],
  ["exec:'s3cret' x", "exec:…"],
  ["exec:", "exec:…"],
  ["admin:s3cret@cam", "?:…"],
  ["s3cret", "?:…"],
];

for (const [url, masked] of MASKED)
  test(`${url} is shown as ${masked}`, () => assert.equal(maskSourceUrl(url), masked));

test("a password or a query's value is never shown, whatever is round it", () => {
  const noise = fc.string({ maxLength: 12, unit: "binary" });
  const punctuation = fc.string({
    maxLength: 6,
    unit: fc.constantFrom("@", ":", "/", "?", "&", "=", "%", "a", "1"),
  });
  fc.assert(
    fc.property(fc.oneof(noise, punctuation), fc.oneof(noise, punctuation), (before, behind) => {
      for (const scheme of ["rtmp", "rtsp", "https"]) {
        const url = `${scheme}://user:${before}QSECRETQ${behind}@host/app/x?k=${before}QSECRETQ`;
        assert.ok(!maskSourceUrl(url).includes("SECRET"), url);
      }
      assert.ok(!maskSourceUrl(`exec:ffmpeg ${before}QSECRETQ${behind}`).includes("SECRET"));
    }),
    { numRuns: 2_000 },
  );
});

test("whatever it is given, parsing ends with a source or says why not, and masking with a text", () => {
  const scheme = fc.constantFrom("", "rtmp://", "rtsp://", "https://", "exec:", "RTMPS:", "http:/");
  const text = fc.string({ maxLength: 60, unit: "binary" });
  fc.assert(
    fc.property(scheme, text, (before, behind) => {
      const url = before + behind;
      assert.equal(typeof maskSourceUrl(url), "string");
      try {
        const source = parseSourceUrl(url);
        if (source.scheme !== "exec") assert.ok(source.host !== "" && source.port > 0 && source.path !== "");
      } catch (error) {
        assert.ok(error instanceof HoldfastError && error.code === "INGEST_INVALID", String(error));
      }
    }),
    { numRuns: 2_000 },
  );
});
