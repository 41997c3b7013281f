import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  formatAddress,
  formatStreamName,
  formatTcUrl,
  parseAddress,
  parseRtmpUrl,
} from "../../../../src/media/rtmp/url.ts";

describe("an RTMP URL", () => {
  const table: readonly [text: string, host: string, port: number, app: string, stream: string, query: string, vhost: string][] = [
    ["rtmp://host/live/cam", "host", 1935, "live", "cam", "", ""],
    ["RTMP://host:19350/live/cam", "host", 19350, "live", "cam", "", ""],
    ["rtmps://host/live/cam", "host", 443, "live", "cam", "", ""],
    ["rtmp://10.0.0.1:1/a/b/c/cam", "10.0.0.1", 1, "a/b/c", "cam", "", ""],
    ["rtmp://[::1]:1936/live/cam", "::1", 1936, "live", "cam", "", ""],
    ["rtmp://[2001:db8::1]/live/cam", "2001:db8::1", 1935, "live", "cam", "", ""],
    ["rtmp://host/live", "host", 1935, "live", "", "", ""],
    ["rtmp://host/live/", "host", 1935, "live", "", "", ""],
    ["rtmp://host//live/cam", "host", 1935, "live", "cam", "", ""],
    ["rtmp://host/live/cam?token=a/b&x=1", "host", 1935, "live", "cam", "token=a/b&x=1", ""],
    ["rtmp://host/live/cam?vhost=v.example", "host", 1935, "live", "cam", "vhost=v.example", "v.example"],
    ["rtmp://host/live?vhost=v.example/cam", "host", 1935, "live", "cam", "vhost=v.example", "v.example"],
    ["rtmp://host/a/b?key=1/2", "host", 1935, "a", "b", "key=1/2", ""],
    ["rtmp://host/live/cam?a=1?b=2", "host", 1935, "live", "cam", "a=1?b=2", ""],
    ["rtmp://host/live/a name=ä.1", "host", 1935, "live", "a name=ä.1", "", ""],
    ["rtmp://host/live/my%20cam", "host", 1935, "live", "my%20cam", "", ""],
    ["  rtmp://host/live/cam\n", "host", 1935, "live", "cam", "", ""],
  ]; // prettier-ignore
  for (const [text, host, port, app, stream, query, vhost] of table)
    test(`${JSON.stringify(text)} is taken apart`, () => {
      const tls = text.trim().toLowerCase().startsWith("rtmps");
      assert.deepEqual(parseRtmpUrl(text), { tls, host, port, app, stream, query, vhost });
    });

  for (const [text, reason] of [
    ["", /is expected/],
    ["http://host/live/cam", /is expected/],
    ["host/live/cam", /is expected/],
    ["rtmp:///live/cam", /is no address/],
    ["rtmp://host", /app name is empty/],
    ["rtmp://host/", /app name is empty/],
    ["rtmp://host/?a=b", /app name is empty/],
    ["rtmp://host:0/live/cam", /is no address/],
    ["rtmp://host:65536/live/cam", /is no address/],
    ["rtmp://host:port/live/cam", /is no address/],
    ["rtmp://::1/live/cam", /is no address/],
    ["rtmp://[::1/live/cam", /is no address/],
    ["rtmp://user:secret@host/live/cam", /user name/],
  ] as const)
    test(`${JSON.stringify(text)} is refused`, () => {
      assert.throws(
        () => parseRtmpUrl(text),
        (error: Error) => {
          assert.equal((error as { code?: string }).code, "REQUEST_INVALID");
          assert.match(error.message, reason);
          assert.doesNotMatch(error.message, /secret/);
          return true;
        },
      );
    });

  test("is put together again", () => {
    const url = parseRtmpUrl("rtmps://[::1]/a/b/cam?token=x");
    assert.equal(formatTcUrl(url), "rtmps://[::1]:443/a/b");
    assert.equal(formatStreamName(url), "cam?token=x");
    assert.equal(formatStreamName({ stream: "cam", query: "" }), "cam");
  });

  test("an address needs its port unless there is a standard one", () => {
    assert.deepEqual(parseAddress("host:5"), { host: "host", port: 5 });
    assert.deepEqual(parseAddress("[::1]:5"), { host: "::1", port: 5 });
    assert.deepEqual(parseAddress("host", 7), { host: "host", port: 7 });
    for (const text of ["host", "", ":5", "::1:5", "a b:5"])
      assert.throws(() => parseAddress(text), { code: "REQUEST_INVALID" });
    assert.equal(formatAddress("::1", 5), "[::1]:5");
    assert.equal(formatAddress("host", 5), "host:5");
  });
});
