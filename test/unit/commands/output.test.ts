import assert from "node:assert/strict";
import { test } from "node:test";
import { card, span, table } from "../../../src/commands/output.ts";

const spans: [number, string][] = [
  [-5, "0.0s"],
  [4_321, "4.3s"],
  [59_940, "59.9s"],
  [125_000, "2m05s"],
  [11_220_000, "3h07m"],
  [439_200_000, "5d02h"],
];

for (const [ms, text] of spans) {
  test(`${ms} ms is written ${text}`, () => assert.equal(span(ms), text));
}

test("a table has no lines, no colours and no spaces at the end", () => {
  const text = table(
    ["STREAM", "TOKEN"],
    [
      ["live/camera", 1_767_323_045_000_001],
      ["a/b", ""],
    ],
  );
  assert.equal(text, "STREAM       TOKEN\nlive/camera  1767323045000001\na/b          -");
});

test("columns stay in line behind wide and combining characters", () => {
  const rows = ["カメラ", "cafe\u0301", "abcdef", "\u{1f3a5}"].map((name) => [name, "|"]);
  assert.deepEqual(table([], rows).split("\n"), [
    "カメラ  |",
    "cafe\u0301    |",
    "abcdef  |",
    "\u{1f3a5}      |",
  ]);
});

test("ten thousand streams are printed in a moment", () => {
  const begin = performance.now();
  const rows = Array.from({ length: 10_000 }, (_, i) => [`live/cam${i}`, "o1", "publish", i]);
  assert.equal(table(["STREAM", "OWNER", "KIND", "TOKEN"], rows).split("\n").length, 10_001);
  assert.ok(performance.now() - begin < 2_000);
});

test("a value of several lines goes on below itself", () => {
  assert.equal(card({ Origin: "o1", Streams: "a/b\nc/d" }), "Origin   o1\nStreams  a/b\n         c/d");
});

test("a card has one field per line", () => {
  assert.equal(card({ Owner: "o1", Beat: 3, Codecs: undefined }), "Owner   o1\nBeat    3\nCodecs  -");
});

test("what others wrote into the registry cannot steer the terminal", () => {
  assert.equal(table(["NAME"], [["\u001b[2Jo1\r\u009b"]]), "NAME\n\ufffd[2Jo1\ufffd\ufffd");
});
