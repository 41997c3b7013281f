import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SCRIPT_FOLDER, SCRIPT_NAMES, loadScripts } from "../../../src/registry/scripts.ts";

const scripts = loadScripts();

test("every script that the code calls is a file, and every file is called", () => {
  assert.deepEqual(scripts.map(({ name }) => name).sort(), [...SCRIPT_NAMES].sort());
  assert.equal(readdirSync(SCRIPT_FOLDER).length, SCRIPT_NAMES.length);
});

for (const { name, keys, lua } of scripts) {
  const header = lua.slice(0, lua.search(/^[^-]/m));
  const body = lua.slice(header.length);

  test(`${name}-${keys}.lua: the number in its name, its header and its code agree on KEYS`, () => {
    const wanted = Array.from({ length: keys }, (_, i) => i + 1);
    assert.deepEqual(numbers(header, /^-- KEYS\[(\d+)\]/gm), wanted, "the header");
    assert.deepEqual(numbers(body, /KEYS\[(\d+)\]/g), wanted, "the code");
  });

  test(`${name}-${keys}.lua: its header and its code agree on ARGV`, () => {
    const described = numbers(header, /ARGV\[(\d+)(?:\.\.)?\]/g);
    const used = numbers(body, /ARGV\[(\d+)\]/g);
    const open = /ARGV\[(\d+)\.\.\]/.exec(header)?.[1];
    const positional = described.filter((number) => `${number}` !== open);
    assert.deepEqual(
      used.filter((number) => `${number}` !== open),
      positional,
    );
    assert.equal(
      open !== undefined,
      /#ARGV|unpack\(ARGV|ipairs\(ARGV/.test(body),
      "the rest of the arguments",
    );
  });

  test(`${name}-${keys}.lua: its header says what it does and returns, and which events it writes`, () => {
    assert.match(header, /^-- [A-Z].+\.$/m);
    assert.match(header, /^-- Returns /m);
    assert.equal(/^-- Events /m.test(header), body.includes("XADD"), "events");
  });

  test(`${name}-${keys}.lua: it never searches the key space`, () => {
    assert.doesNotMatch(body, /"(KEYS|SCAN|RANDOMKEY|FLUSH\w*)"/);
  });
}

test("the number that all tokens come from is made the same way wherever it is made", () => {
  const makers = scripts.map(({ lua }) => /^local function next_token[^]+?^end$/m.exec(lua)?.[0]);
  const texts = makers.filter((text) => text !== undefined);
  assert.equal(texts.length, 2);
  assert.equal(new Set(texts).size, 1);
});

test("a file whose name does not tell the number of keys is refused", () => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-lua-"));
  writeFileSync(join(folder, "stream-claim.lua"), "return 1");
  assert.throws(() => loadScripts(folder), /stream-claim\.lua is not named/);
  rmSync(folder, { recursive: true });
});

function numbers(text: string, pattern: RegExp): number[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => Number(match[1])))].sort((a, b) => a - b);
}
