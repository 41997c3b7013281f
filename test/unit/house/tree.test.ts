import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");
const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: ROOT,
  encoding: "utf8",
})
  .split("\n")
  .filter((file) => file !== "" && exists(file));
const sources = tracked.filter((file) => /^src\/.*\.ts$/.test(file));

test("files are named after what they define, in kebab-case, without barrels and catch-alls", () => {
  const named = tracked.filter((file) => /^(?:src|test|scripts)\/.*\.(?:ts|mjs|lua)$/.test(file));
  for (const file of named) {
    assert.match(
      basename(file),
      /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|contract))?\.(?:d\.ts|ts|mjs|lua)$/,
      file,
    );
    assert.doesNotMatch(basename(file), /^(?:index|utils?|helpers?|common|misc)\./, file);
  }
});

test("no module keeps state of its own: two origins run in one process", () => {
  for (const file of sources) {
    const text = read(file);
    assert.doesNotMatch(text, /^(?:export )?(?:let|var) /m, `${file}: a variable of the module`);
    const holders = [
      ...text.matchAll(/^(?:export )?const (\w+)[^=\n]*= new (?:Map|Set|WeakMap|WeakSet|EventEmitter)\(\)/gm),
    ];
    assert.deepEqual(
      holders.map(([, name]) => name),
      [],
      `${file}: an empty collection of the module`,
    );
  }
});

test("domain and fleet take the time from the Clock, never from `new Date()`", () => {
  for (const file of sources.filter((one) => /^src\/(?:domain|fleet)\//.test(one)))
    assert.doesNotMatch(read(file), /new Date\(\)/, file);
});

test("versions in package.json are exact, and the lock names no registry", () => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json")) as Record<
    "dependencies" | "devDependencies",
    Record<string, string>
  >;
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
    assert.match(version, /^\d+\.\d+\.\d+(?:-[\w.]+)?$/, name);
  assert.doesNotMatch(read("package-lock.json"), /"resolved"/);
});

test("every script says how it is used", () => {
  const scripts = tracked.filter(
    (file) => /^(?:scripts|\.ci)\//.test(file) && statSync(join(ROOT, file)).mode & 0o100,
  );
  assert.ok(
    scripts.includes("scripts/up") && scripts.includes("scripts/test") && scripts.includes("scripts/nightly"),
  );
  for (const file of scripts) assert.match(read(file).split("\n").slice(0, 3).join("\n"), /usage/i, file);
  for (const file of scripts.filter((one) => /^scripts\/[a-z-]+$/.test(one)))
    assert.match(execFileSync(join(ROOT, file), ["--help"], { encoding: "utf8" }), /Usage: /, file);
});

function exists(file: string): boolean {
  return statSync(join(ROOT, file), { throwIfNoEntry: false })?.isFile() ?? false;
}
