import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { HoldfastError } from "../../../../src/domain/errors.ts";
import { commandWords } from "../../../../src/media/ingest/command-words.ts";

const CASES: readonly (readonly [name: string, line: string, words: readonly string[]])[] = [
  ["blanks of any number are between words", "  a  b\t c ", ["a", "b", "c"]],
  ["single quotes take all as it is", String.raw`a 'b \n "$c" d'`, ["a", String.raw`b \n "$c" d`]],
  ["double quotes keep most backslashes", String.raw`a "b \n \" \\ \$ '"`, ["a", String.raw`b \n " \ $ '`]],
  ["a backslash takes the next letter as it is", String.raw`a b\ c \' \\`, ["a", "b c", "'", "\\"]],
  ["quotes may stand within a word", `a b'c 'd" e"f`, ["a", "bc d ef"]],
  ["an empty word is a word", `a '' ""`, ["a", "", ""]],
  ["nothing is expanded", "a $HOME ~ *.ts {a,b} `id` $(id) #x !y", ["a", "$HOME", "~", "*.ts", "{a,b}", "`id`", "$(id)", "#x", "!y"]], // prettier-ignore
  [
    "a URL needs no quotes",
    "a srt://h:9?mode=caller&latency=20;x",
    ["a", "srt://h:9?mode=caller&latency=20;x"],
  ],
  ["a quoted operator is a word", "a '|' \\> \"2>x\"", ["a", "|", ">", "2>x"]],
];

for (const [name, line, words] of CASES) test(name, () => assert.deepEqual(commandWords(line), words));

const REFUSED: readonly (readonly [line: string, reason: string])[] = [
  ["a 'b", "a quote ' is not closed"],
  ['a "b', 'a quote " is not closed'],
  ['a "b\\"', 'a quote " is not closed'],
  ["a b\\", "it ends with a backslash"],
  ["", "it names no program"],
  ["''", "it names no program"],
  ["KEY=secret a", "variables are set by a program: env NAME=VALUE PROGRAM …"],
  ["a | b", "| needs a shell, which it is not given to: sh -c '…', or quote it"],
  ["a && b", "&& needs a shell, which it is not given to: sh -c '…', or quote it"],
  ["a 2>/secret", "2> needs a shell, which it is not given to: sh -c '…', or quote it"],
];

for (const [line, reason] of REFUSED) {
  test(`refused: ${line === "" ? "nothing" : line}`, () => {
    assert.throws(
      () => commandWords(line),
      (error) =>
        error instanceof HoldfastError &&
        error.code === "INGEST_INVALID" &&
        error.context["reason"] === reason,
    );
  });
}

test("a shell splits what was quoted in the same way", () => {
  const word = fc.string({
    unit: fc.constantFrom(..."ab '\"\\$`*?&|;<>(){}[]~#!=".split("")),
    maxLength: 12,
  });
  const quote = (text: string, how: number): string => {
    if (how === 0) return `'${text.replaceAll("'", `'\\''`)}'`;
    if (how === 1) return `"${text.replaceAll(/[$`"\\]/g, String.raw`\$&`)}"`;
    return text === "" ? "''" : text.replaceAll(/./g, String.raw`\$&`);
  };
  const words = fc.array(fc.tuple(word, fc.integer({ min: 0, max: 2 })), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(words, (list) => {
      const line = `printf %s,\\\\n ${list.map(([text, how]) => quote(text, how)).join(" ")}`;
      const ours = commandWords(line);
      assert.deepEqual(
        ours.slice(2),
        list.map(([text]) => text),
      );
      assert.equal(execFileSync("/bin/sh", ["-c", line], { encoding: "utf8" }), execFileSync(ours[0], ours.slice(1), { encoding: "utf8" })); // prettier-ignore
    }),
    { numRuns: 40 },
  );
});
