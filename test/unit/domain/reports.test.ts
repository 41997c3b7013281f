import assert from "node:assert/strict";
import { test } from "node:test";
import { isEventWanted } from "../../../src/domain/event-log.ts";
import { describeEvent } from "../../../src/domain/event-text.ts";
import { streamUrls } from "../../../src/domain/reports.ts";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";

const addresses = { rtmp: "h:1935", http: "h:8080" };

const urls: [string, { rtmp: string; http: string }, string[]][] = [
  [
    "live/cam",
    addresses,
    ["rtmp://h:1935/live/cam", "http://h:8080/live/cam.flv", "ws://h:8080/live/cam.flv"],
  ],
  [
    "a/b/my cam",
    addresses,
    ["rtmp://h:1935/a/b/my cam", "http://h:8080/a/b/my%20cam.flv", "ws://h:8080/a/b/my%20cam.flv"],
  ],
  [
    "//tv.example/live/cam",
    addresses,
    [
      "rtmp://h:1935/live/cam?vhost=tv.example",
      "http://h:8080/live/cam.flv?vhost=tv.example",
      "ws://h:8080/live/cam.flv?vhost=tv.example",
    ],
  ],
  ["live/cam", { rtmp: "", http: "" }, ["", "", ""]],
];

for (const [key, where, [rtmp, httpFlv, wsFlv]] of urls) {
  test(`${key} has its URLs at ${JSON.stringify(where)}`, () => {
    assert.deepEqual(streamUrls(parseStreamKey(key), where), { rtmp, httpFlv, wsFlv });
  });
}

const sentences: [string, Record<string, string>, string][] = [
  ["registered", { origin: "o1", reason: "start" }, "o1 registered (start)"],
  ["left", { origin: "o1", reason: "stopped" }, "o1 left the fleet (stopped)"],
  [
    "claimed",
    { origin: "o1", stream: "live/cam", kind: "publish", publisher: "10.0.0.9", reason: "new" },
    "o1 owns live/cam: publish from 10.0.0.9 (new)",
  ],
  [
    "taken-over",
    { origin: "o2", stream: "live/cam", kind: "publish", previous: "o1", publisher: "10.0.0.9" },
    "o2 took live/cam over from o1: a second publish from 10.0.0.9",
  ],
  ["released", { origin: "o1", stream: "live/cam", reason: "" }, "o1 gave live/cam back"],
  ["of-a-later-version", { origin: "o1", what: "x" }, "origin=o1 what=x"],
];

for (const [type, fields, sentence] of sentences) {
  test(`the event ${type} reads: ${sentence}`, () => assert.equal(describeEvent({ type, fields }), sentence));
}

const move = { stream: "live/cam", origin: "o2", previous: "o1", token: "7" };

const filters: [{ stream?: string; origin?: string }, boolean][] = [
  [{}, true],
  [{ stream: "live/cam" }, true],
  [{ stream: "live/cam2" }, false],
  [{ origin: "o2" }, true],
  [{ origin: "o1" }, true],
  [{ origin: "o3" }, false],
  [{ stream: "live/cam", origin: "o3" }, false],
  [{ stream: "live/cam2", origin: "o1" }, false],
];

for (const [filter, wanted] of filters)
  test(`a take-over of live/cam from o1 by o2 is ${wanted ? "" : "not "}for ${JSON.stringify(filter)}`, () => {
    assert.equal(isEventWanted({ fields: move }, filter), wanted);
  });
