import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseStreamKey } from "../../../src/domain/stream-key.ts";
import {
  decodeEvent,
  decodeNotice,
  decodeOrigin,
  decodeOwned,
  decodeStream,
  encodeOrigin,
  encodeOwned,
} from "../../../src/registry/codec.ts";

const KEY = parseStreamKey("live/cam one");
const flat = (fields: Record<string, string>) => Object.entries(fields).flat();

const origin = {
  name: "o1",
  instance: "i1",
  host: "h1",
  rtmp: "o1:1935",
  http: "",
  relay: "o1:1936",
  peer: "o1:8080",
  state: "draining",
  weight: 0.5,
  version: "1.2.3",
} as const;

test("what an origin says of itself comes back as it was", () => {
  const hash = [...flat({ name: "o1", instance: "i1", epoch: "7", since: "5" }), ...encodeOrigin(origin)];
  assert.deepEqual(decodeOrigin(hash), { ...origin, epoch: 7, since: 5, beat: 0, load: 0, streams: 0 });
});

test("a session written by an older version is read, with defaults for what it did not write", () => {
  const hash = flat({ name: "o1", instance: "i1", epoch: "7", rtmp: "o1:1935" });
  const read = decodeOrigin(hash);
  assert.equal(read?.rtmp, "o1:1935");
  assert.equal(read.state, "up");
  assert.equal(read.weight, 1);
  assert.equal(read.peer, "");
});

test("a session written by a newer version is read, and what is unknown in it ignored", () => {
  const hash = flat({
    name: "o1",
    instance: "i1",
    epoch: "7",
    format: "9",
    state: "resting",
    zone: "eu",
    weight: "2",
  });
  const read = decodeOrigin(hash);
  assert.equal(read?.epoch, 7);
  assert.equal(read.state, "up", "a state of the future is not draining");
  assert.equal(read.weight, 2);
  assert.ok(!("zone" in read));
});

test("a stream written by an older version is read", () => {
  const read = decodeStream(KEY, flat({ origin: "o1", epoch: "7", token: "9" }), 0);
  assert.deepEqual(read, {
    key: KEY,
    origin: "o1",
    epoch: 7,
    token: 9,
    kind: "publish",
    since: 0,
    publisher: "",
    codecs: "",
    previous: "",
    takeovers: 0,
    rank: 0,
    stalled: false,
  });
});

test("a stream written by a newer version is read", () => {
  const hash = flat({
    origin: "o1",
    epoch: "7",
    token: "9",
    kind: "ingest",
    format: "2",
    tracks: "[1,2]",
    since: "5",
  });
  const read = decodeStream(KEY, hash, 0);
  assert.equal(read?.kind, "ingest");
  assert.equal(read.since, 5);
  assert.ok(!("tracks" in read));
});

test("take-overs of long ago do not count", () => {
  const hash = flat({ origin: "o1", epoch: "7", token: "9", takeovers: "3", countedUntil: "1000" });
  assert.equal(decodeStream(KEY, hash, 999)?.takeovers, 3);
  assert.equal(decodeStream(KEY, hash, 1_000)?.takeovers, 0);
});

for (const [what, fields] of [
  ["nothing", {}],
  ["no owner", { epoch: "7", token: "9" }],
  ["an empty owner", { origin: "", epoch: "7", token: "9" }],
  ["no token", { origin: "o1", epoch: "7" }],
  ["a token that is no number", { origin: "o1", epoch: "7", token: "nine" }],
  ["a negative epoch", { origin: "o1", epoch: "-7", token: "9" }],
  ["an infinite token", { origin: "o1", epoch: "7", token: "Infinity" }],
] as const)
  test(`a hash with ${what} is not a stream's record`, () =>
    assert.equal(decodeStream(KEY, flat(fields), 0), undefined));

test("an owned stream comes back as it was, spaces and all", () => {
  assert.deepEqual(decodeOwned(encodeOwned({ key: KEY, token: 12 })), { key: KEY, token: 12 });
});

test("a notice is understood", () => {
  assert.deepEqual(decodeNotice(`taken-over 12 ${KEY}`), {
    type: "taken-over",
    stream: { key: KEY, token: 12 },
  });
});

for (const payload of [
  "",
  "taken-over",
  "taken-over 12",
  "taken-over x live/cam",
  "taken-over 0 live/cam",
  "hello",
])
  test(`"${payload}" is not a notice`, () => assert.equal(decodeNotice(payload), undefined));

test("an event is understood", () => {
  const entry = ["1700000000000-3", ["type", "claimed", "stream", "live/cam", "token", "9"]];
  assert.deepEqual(decodeEvent(entry), {
    id: "1700000000000-3",
    at: 1_700_000_000_000,
    type: "claimed",
    fields: { stream: "live/cam", token: "9" },
  });
});

test("whatever another program writes under our prefix, nothing throws", () => {
  const junk = fc.oneof(fc.string(), fc.integer(), fc.constant(null), fc.array(fc.anything()));
  fc.assert(
    fc.property(fc.array(junk), fc.string(), (hash, text) => {
      decodeOrigin(hash);
      decodeStream(KEY, hash, 0);
      decodeEvent(hash);
      decodeEvent([text, hash]);
      decodeOwned(text);
      decodeNotice(text);
      decodeNotice(`taken-over ${text}`);
    }),
    { verbose: 1 },
  );
});
