import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { SETTINGS } from "../../../src/config/settings.ts";
import { ERRORS, HoldfastError, type ErrorCode } from "../../../src/domain/errors.ts";
import type { AmfObject } from "../../../src/media/rtmp/amf0.ts";
import { playRefused, publishRefused } from "../../../src/media/rtmp/answers.ts";
import { decodeCommand } from "../../../src/media/rtmp/commands.ts";
import type { RtmpMessage } from "../../../src/media/rtmp/message.ts";

const ROOT = join(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const documents = [
  "README.md",
  "CHANGELOG.md",
  ...readdirSync(join(ROOT, "docs"), { recursive: true })
    .map((file) => `docs/${String(file)}`)
    .filter((file) => file.endsWith(".md")),
];

/** The settings file, and what `exec:` sources find in their environment. */
const NO_SETTINGS = ["HOLDFAST_CONFIG", "HOLDFAST_STREAM"];

/** The code that a refusal says on the wire, without its beginning. */
function sentCode(message: RtmpMessage, beginning: string): string {
  const { code } = decodeCommand(message, { depth: 4, elements: 64 }).args[1] as AmfObject;
  assert.ok(String(code).startsWith(beginning), String(code));
  return String(code).slice(beginning.length);
}

test("README lists every error code with its meaning, and no other", () => {
  const section = /## Error codes\n([\s\S]*?)\n## /.exec(read("README.md"))?.[1] ?? "";
  const listed = [
    ...section.matchAll(/^\| `([A-Z_]+)` +\| (.+?) +\| (\d{3}) +\| `(\w+)` +\| `(\w+)` +\| (yes|no) +\|$/gm),
  ].map(([, code, text, http, publish, play, retry]) => [code, text, Number(http), publish, play, retry]);
  const defined = Object.entries(ERRORS).map(([code, { text, http, retry }]) => {
    const error = new HoldfastError(code as ErrorCode);
    const publish = sentCode(publishRefused(1, error), "NetStream.Publish.");
    const play = sentCode(playRefused(1, error), "NetStream.Play.");
    return [code, text, http, publish, play, retry ? "yes" : "no"];
  });
  assert.deepEqual(listed, defined);
});

test("every test that README and docs name exists", () => {
  for (const document of documents) {
    for (const [path] of read(document).matchAll(/\btest\/[\w./-]+\.ts\b/g))
      assert.ok(existsSync(join(ROOT, path)), `${document} names ${path}`);
  }
});

test("every script, source file and document that README and docs name exists", () => {
  for (const document of documents) {
    const named = read(document).matchAll(
      /(?<![\w/.-])(?:\.\/)?((?:scripts|src|docs|config)\/[\w./-]*[\w])/g,
    );
    for (const [, path = ""] of named) assert.ok(existsSync(join(ROOT, path)), `${document} names ${path}`);
  }
});

test("every test command that documents name finds something to run", () => {
  for (const document of documents) {
    for (const [, targets = ""] of read(document).matchAll(/`scripts\/run-tests ([^`]+)`/g))
      for (const target of targets.split(" "))
        assert.ok(
          existsSync(join(ROOT, target)) || existsSync(join(ROOT, "test", target)),
          `${document}: ${target}`,
        );
  }
});

test("every link between documents leads somewhere", () => {
  for (const document of documents) {
    for (const [, target = ""] of read(document).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (!/^[a-z]+:/.test(target))
        assert.ok(existsSync(join(ROOT, dirname(document), target)), `${document} links to ${target}`);
    }
  }
});

test("every setting and variable that documents name exists", () => {
  const variables = new Set(SETTINGS.flatMap(({ variable }) => [variable, `${variable}_FILE`]));
  const sections = new Set(
    SETTINGS.filter(({ path }) => path.includes(".")).map(({ path }) => path.split(".")[0]),
  );
  const paths = new Set(SETTINGS.map(({ path }) => path));
  for (const document of documents) {
    const text = read(document);
    for (const [variable] of text.matchAll(/\bHOLDFAST_[A-Z0-9_]+\b/g)) {
      if (!NO_SETTINGS.includes(variable) && !variable.endsWith("_"))
        assert.ok(variables.has(variable), `${document} names ${variable}`);
    }
    for (const [, path = "", section = ""] of text.matchAll(/`(([a-z]+)\.[a-z]\w+)(?:: [^`]+)?`/g))
      if (sections.has(section)) assert.ok(paths.has(path), `${document} names ${path}`);
  }
});

test("docs/limits.md has every limit with its default, and no other", () => {
  const listed = [...read("docs/limits.md").matchAll(/^\| `(limits\.\w+)` +\| (\S+) +\|/gm)].map(
    ([, ...row]) => row,
  );
  const defined = SETTINGS.filter(({ path }) => path.startsWith("limits.")).map(({ path, standard }) => [
    path,
    String(standard),
  ]);
  assert.deepEqual(listed.sort(), defined.sort());
});

test("every log line that documents name is written somewhere", () => {
  const sources = readdirSync(join(ROOT, "src"), { recursive: true })
    .filter((file) => String(file).endsWith(".ts"))
    .map((file) => read(`src/${String(file)}`))
    .join("\n");
  for (const document of documents) {
    for (const [, phrase = ""] of read(document).matchAll(/`msg: "([^"…]+)"`/g))
      assert.ok(sources.includes(`"${phrase}"`), `${document} names ${phrase}`);
  }
});

test("the changelog has an entry for the version of the package", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  assert.match(read("CHANGELOG.md"), new RegExp(`^## \\[${version.replaceAll(".", "\\.")}\\]`, "m"));
});
