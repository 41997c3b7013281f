import assert from "node:assert/strict";
import { test } from "node:test";
import { maskerOf } from "../../../../src/media/ingest/command-secrets.ts";
import { StderrTail } from "../../../../src/media/ingest/stderr-tail.ts";

const plain = (text: string): string => text;

function tailOf(...pieces: readonly (string | Buffer)[]): string {
  const tail = new StderrTail(plain);
  for (const piece of pieces) tail.push(Buffer.from(piece));
  return tail.text();
}

test("lines are kept in order, also the one that is not complete", () => {
  assert.equal(tailOf("one\ntw", "o\r", "\nthree"), "one | two | three");
});

test("the last eight lines are kept", () => {
  const lines = Array.from({ length: 50 }, (_, index) => `line ${index}\n`);
  assert.equal(tailOf(...lines), lines.slice(-8).join("| ").replaceAll("\n", " ").trim());
});

test("a carriage return begins the line anew, as progress does", () => {
  assert.equal(tailOf("error\nframe=1\rframe=2\r", "frame=3\r"), "error | frame=3");
});

test("control characters, colours and what turns text around are taken out", () => {
  assert.equal(tailOf("\u001b[31mred\u001b[0m a\u0000b\u0007\u009b \u202edcba\n"), "red a b dcba");
});

test("letters in two pieces come whole, and wrong bytes are left out", () => {
  const bytes = Buffer.from("é\n");
  assert.equal(tailOf(bytes.subarray(0, 1), bytes.subarray(1), Buffer.from([0xff, 0x61, 0x0a])), "é | a");
});

test("a flood takes no memory, and its end is kept", () => {
  const tail = new StderrTail(plain);
  const flood = Buffer.alloc(1_048_576, "x");
  for (let index = 0; index < 64; index++) tail.push(flood);
  tail.push(Buffer.from("\nthe end\n"));
  assert.equal(tail.text(), "the end");
});

test("long lines and many of them are shown within bounds", () => {
  const text = tailOf(...Array.from({ length: 20 }, (_, index) => `${index} ${"word ".repeat(200)}\n`));
  assert.ok(text.length <= 900 && text.includes("…") && text.includes("19 word"), text);
});

test("half of a secret never stands at the end of a line that was cut", () => {
  const tail = new StderrTail(maskerOf(["p", "-passphrase", "sesame-open-now"]));
  tail.push(Buffer.from(`${"sesame-open-now ".repeat(124)}${"y".repeat(10)} sesame-open-now and more\n`));
  assert.doesNotMatch(tail.text(), /sesame/);
});

test("the beginning of a piece that was skipped shows no half of a secret", () => {
  const tail = new StderrTail(maskerOf(["p", "-passphrase", "sesame-open-now"]));
  const end = "same-open-now\nlast line\n";
  tail.push(Buffer.from(`${"z".repeat(20_000)}sesame-open-now ${"q".repeat(16_384 - end.length - 5)}${end}`));
  assert.equal(tail.text(), "last line");
});

const MASKED: readonly (readonly [name: string, words: readonly string[], said: string, shown: string])[] = [
  ["user and password of a URL", ["f", "rtsp://joe:pa%40ss@cam/1"], "rtsp://joe:pa%40ss@cam/1: 401 for pa@ss", "rtsp://***@cam/1: 401 for ***"], // prettier-ignore
  ["secret values of a query", ["f", "srt://h:9?mode=caller&passphrase=abc"], "srt://h:9?mode=caller&passphrase=abc: abc is short, mode caller", "srt://h:9?mode=***&passphrase=***: *** is short, mode caller"], // prettier-ignore
  ["long values of a query", ["f", "http://h/a?x=0123456789"], "denied 0123456789", "denied ***"],
  [
    "the value of an option",
    ["f", "-decryption_key", "cafe", "--token=t0k"],
    "bad cafe, t0k",
    "bad ***, ***",
  ],
  ["headers", ["f", "-headers", "Authorization: Bearer xyz"], "sent Authorization: Bearer xyz", "sent ***"],
  [
    "a URL that the command line does not have",
    ["f"],
    "to https://a:b@cdn/x?sig=1",
    "to https://***@cdn/x?sig=***",
  ],
  ["what is called a password", ["f"], "password=abc passphrase: 'def'", "password=*** passphrase: '***'"],
  [
    "nothing else",
    ["f", "-i", "udp://h:1"],
    "udp://h:1: Connection refused",
    "udp://h:1: Connection refused",
  ],
];

for (const [name, words, said, shown] of MASKED)
  test(`masked: ${name}`, () => assert.equal(maskerOf(words)(said), shown));
