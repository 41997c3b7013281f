import assert from "node:assert/strict";
import { test } from "node:test";
import { readFlvTarget, redirectLocation } from "../../../../src/media/flv/flv-request.ts";

const VHOSTS = ["tv.example"];
const READ: readonly [url: string, key: string, query: string, redirected?: true][] = [
  ["/live/cam.flv", "live/cam", ""],
  ["/a/b/c/cam.flv", "a/b/c/cam", ""],
  ["/live/cam.flv?token=x%20y&b", "live/cam", "token=x%20y&b"],
  ["/live/cam.1.flv", "live/cam.1", ""],
  ["/live/caf%C3%A9%20one.flv", "live/café one", ""],
  ["/live/a=b.flv?", "live/a=b", ""],
  ["/live/cam.flv?vhost=tv.example&t=1", "//tv.example/live/cam", "vhost=tv.example&t=1"],
  ["/live/cam.flv?vhost=other.example", "live/cam", "vhost=other.example"],
  ["/live/cam.flv?t=1&redirected=1", "live/cam", "t=1", true],
  ["/live/cam.flv?redirected=1", "live/cam", "", true],
  ["/live/cam.flv?redirected=0", "live/cam", "redirected=0"],
  ["/live/cam.flv?ticket=mine&t=1", "live/cam", "ticket=mine&t=1"],
  ["/live/cam.flv?holdfast-ticket=x&t=1", "live/cam", "holdfast-ticket=x&t=1"],
  ["http://host:8080/live/cam.flv?t=1", "live/cam", "t=1"],
];

for (const [url, key, query, redirected = false] of READ) {
  test(`${url} asks for ${key}`, () => {
    assert.deepEqual(readFlvTarget(url, VHOSTS), { key, query, redirected });
  });
}

for (const url of [
  "/cam.flv",
  "/.flv",
  "/live/.flv",
  "/live/../x.flv",
  "/live/a%00b.flv",
  "/live/a%0d%0ab.flv",
  "",
  "*",
]) {
  test(`${JSON.stringify(url)} is no stream`, () => {
    assert.throws(() => readFlvTarget(url, VHOSTS), { code: "STREAM_NAME_INVALID" });
  });
}

test("a redirect keeps the stream and its query, and cannot be turned into another header or host", () => {
  const location = (url: string) => redirectLocation("o2.example:8080", readFlvTarget(url, VHOSTS));
  assert.equal(location("/live/cam.flv"), "http://o2.example:8080/live/cam.flv?redirected=1");
  assert.equal(
    location("/a/caf%C3%A9%20x.flv?token=x%20y&vhost=tv.example"),
    "http://o2.example:8080/a/caf%C3%A9%20x.flv?token=x%20y&vhost=tv.example&redirected=1",
  );
  assert.equal(
    location("/live/cam.flv?ticket=a%2Fb"),
    "http://o2.example:8080/live/cam.flv?ticket=a%2Fb&redirected=1",
  );
  assert.equal(
    location("//evil.example/cam.flv"),
    "http://o2.example:8080/evil.example/cam.flv?redirected=1",
  );
});

test("a redirect leads to the stream that was asked for, whatever its name ends in", () => {
  for (const url of [
    "/live/cam.flv/",
    "/live/cam.flv.flv",
    "/%/m.flv/",
    "/mp4:live/mp4:cam.flv",
    "/mp4:/mp4:a/b.flv",
  ]) {
    const target = readFlvTarget(url, VHOSTS);
    assert.equal(readFlvTarget(redirectLocation("o2.example:8080", target), VHOSTS).key, target.key, url);
  }
});
