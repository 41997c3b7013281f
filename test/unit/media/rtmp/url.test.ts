import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTcUrl, parseAddress } from "../../../../src/media/rtmp/url.ts";

test("an address is a host and a port", () => {
  assert.deepEqual(parseAddress("host:5"), { host: "host", port: 5 });
  assert.deepEqual(parseAddress("10.0.0.1:65535"), { host: "10.0.0.1", port: 65_535 });
  assert.deepEqual(parseAddress("[::1]:5"), { host: "::1", port: 5 });
  for (const text of ["host", "", ":5", "::1:5", "a b:5", "host:0", "host:65536", "host:port", "u@host:5"])
    assert.throws(() => parseAddress(text), { code: "REQUEST_INVALID" });
});

test("a tcUrl names scheme, address and app", () => {
  assert.equal(formatTcUrl({ tls: true, host: "::1", port: 443, app: "a/b" }), "rtmps://[::1]:443/a/b");
  assert.equal(formatTcUrl({ tls: false, host: "h", port: 1935, app: "live" }), "rtmp://h:1935/live");
});
